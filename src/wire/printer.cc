// Quoting of strings and bytes in printed messages.
#include "wire/printer.h"

namespace chronik::wire {

void Printer::string(std::string& value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      quoted.push_back(c);
    } else {  // a log line must stay one line, whatever a client sends
      quoted.append("\\x").push_back(kDigits[byte >> 4U]);
      quoted.push_back(kDigits[byte & 15U]);
    }
  }
  quoted.push_back('"');
  word(quoted);
}

void Printer::byte_count(std::size_t size) {
  word("<" + std::to_string(size) + " bytes>");
}

}  // namespace chronik::wire
