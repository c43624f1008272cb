#include "coord/member.h"

#include <algorithm>

namespace chronik::coord {

namespace {
// Map nodes, allocator overhead.
constexpr std::size_t kMemberOverhead = 128;
}  // namespace

bool Member::Protocol::operator==(const Protocol& other) const {
  return name == other.name && std::ranges::equal(metadata.span(), other.metadata.span());
}

bool Member::supports(std::string_view protocol) const {
  return std::ranges::any_of(protocols, [&](const Protocol& p) { return p.name == protocol; });
}

Buffer Member::metadata(std::string_view protocol) const {
  const auto found = std::ranges::find(protocols, protocol, &Protocol::name);
  return found == protocols.end() ? Buffer() : found->metadata;
}

std::size_t Member::footprint() const {
  std::size_t bytes = sizeof(Member) + kMemberOverhead + 2 * id.size() + client_id.size() + client_host.size() +
                      assignment.size() + (instance_id ? 2 * instance_id->size() : 0);
  for (const Protocol& protocol : protocols)
    bytes += sizeof(Protocol) + protocol.name.size() + protocol.metadata.size();
  return bytes;
}

std::vector<Member::Protocol> copy_protocols(const std::vector<wire::JoinGroupRequest::Protocol>& protocols) {
  std::vector<Member::Protocol> copies;
  copies.reserve(protocols.size());
  for (const auto& protocol : protocols) {
    if (std::ranges::find(copies, protocol.name, &Member::Protocol::name) != copies.end()) continue;
    copies.push_back({protocol.name, Buffer::copy_of(protocol.metadata.span())});
  }
  return copies;
}

}  // namespace chronik::coord
