// Metadata: opening, publication of images to the views, proposals from any shard, blocks of producer ids.

#include <algorithm>

#include "meta/local_log.h"
#include "meta/meta.h"
#include "meta/state.h"

namespace chronik::meta {

namespace {
constexpr Duration kPublishAttempt = 5s;  // then the image, perhaps a newer one, is sent again
}

struct Metadata::Machine final : StateMachine, std::enable_shared_from_this<Metadata::Machine> {
  explicit Machine(shard::ShardSet& set)
      : shards(set), published(set.size()), publishing(set.size(), false), moved(set.at(0).context()) {}

  Outcome apply(Index index, const Command& command) override { return state.apply(index, command); }
  Buffer snapshot() const override { return state.encode(); }
  Status restore(ByteSpan bytes) override {
    TRY(state, MetadataState::decode(bytes));
    return {};
  }
  void batch_applied() override {
    image = state.image();
    for (std::size_t i = 0; i < views.size(); ++i) publish(i);
  }

  void make_views(const BrokerConfig& broker) {
    for (std::size_t i = 0; i < shards.size(); ++i) {
      views.push_back(std::make_shared<MetadataView>(shards.at(i), broker, image));
      published[i] = image->index();
    }
  }

  void publish(std::size_t shard) {
    if (shard == 0) {
      views[0]->accept(image);
      published[0] = image->index();
    } else if (!publishing[shard]) {
      publishing[shard] = true;
      shards.at(0).context().spawn("meta.publish", send(shared_from_this(), shard));
    }
  }

  template <class View>
  static task::Task<Status> accept_image(View view, ImagePtr image) {
    view->accept(std::move(image));
    co_return Status{};
  }

  /// Brings one shard's view up to date, one image at a time, so that images arrive in order.
  static task::Task<void> send(std::shared_ptr<Machine> self, std::size_t shard) {
    shard::Shard& home = self->shards.at(0);
    while (self->published[shard] < self->image->index()) {
      ImagePtr sent = self->image;
      const Deadline until = home.context().after(kPublishAttempt);
      auto accept = [view = self->views[shard], sent](shard::Shard&) { return accept_image(view, sent); };
      auto accepted = co_await shard::call(home, self->shards.at(shard), "meta.publish", until, std::move(accept));
      if (!accepted) continue;
      self->published[shard] = sent->index();
      self->moved.notify_all();
    }
    self->publishing[shard] = false;
  }

  bool visible(Index index) const {
    return std::ranges::all_of(published, [index](Index shown) { return shown >= index; });
  }
  task::Task<Status> wait_visible(Index index, Deadline until) {
    while (!visible(index)) {
      if (co_await moved.wait("meta.visible", until) == task::Woken::timed_out && !visible(index)) {
        co_return fail(Errc::timed_out, "metadata command is applied, but not every shard has seen it");
      }
    }
    co_return Status{};
  }

  shard::ShardSet& shards;
  MetadataState state;
  ImagePtr image = std::make_shared<const Image>();
  std::vector<std::shared_ptr<MetadataView>> views;  // empty until the replay has ended
  std::vector<Index> published;                      // what each view is known to show
  std::vector<bool> publishing;
  task::Event moved;
};

/// The producer ids that one shard may give out. Touched on that shard only.
struct Metadata::ProducerBlock {
  explicit ProducerBlock(shard::Shard& shard) : ready(shard.context()) {}
  std::int64_t next = 0;
  std::int64_t end = 0;
  bool refilling = false;
  task::Event ready;
};

Metadata::Metadata(shard::ShardSet& shards, std::shared_ptr<Machine> machine, std::shared_ptr<Proposer> log)
    : shards_(shards), machine_(std::move(machine)), log_(std::move(log)) {
  for (std::size_t i = 0; i < shards.size(); ++i) {
    producer_blocks_.push_back(std::make_unique<ProducerBlock>(shards.at(i)));
  }
}

Metadata::~Metadata() = default;

task::Task<Result<std::unique_ptr<Metadata>>> Metadata::open(shard::ShardSet& shards, std::string directory,
                                                             MetadataOptions options) {
  task::Context& context = shards.at(0).context();
  auto machine = std::make_shared<Machine>(shards);
  LocalLogOptions log_options;
  log_options.stall = std::chrono::milliseconds(options.broker.disk_stall_timeout_ms);
  log_options.bytes_max = options.log_bytes_max;
  CO_TRY(std::shared_ptr<Proposer> log, co_await LocalLog::open(context, directory, machine, log_options));

  const std::string& wanted = options.broker.cluster_id;
  if (machine->image->cluster_id().empty()) {
    InitializeCluster first;
    first.cluster_id = wanted.empty() ? random_topic_id(context.env().entropy).to_string() : wanted;
    while (first.log_id == wal::LogId{}) first.log_id = wal::LogId(context.env().entropy.next());
    // A file, a group and a directory to sync, each bounded by the stall time-out.
    CO_TRY([[maybe_unused]] auto outcome,
           co_await log->propose(std::move(first), context.after(4 * log_options.stall)));
  }
  const std::string& found = machine->image->cluster_id();
  if (!wanted.empty() && wanted != found) {
    co_return fail(Errc::invalid_argument,
                   directory + " belongs to cluster " + found + ", but cluster.id is " + wanted);
  }
  machine->make_views(options.broker);
  co_return std::unique_ptr<Metadata>(new Metadata(shards, std::move(machine), std::move(log)));
}

MetadataView& Metadata::view(shard::Shard& shard) {
  return *machine_->views[shard.id().value()];
}

namespace {
/// On shard 0: durable and applied, then visible everywhere.
template <class Machine, class Log>
task::Task<Result<Outcome>> propose_and_publish(Machine machine, Log log, Command command, Deadline until) {
  CO_TRY(Outcome outcome, co_await log->propose(std::move(command), until));
  CO_TRY_STATUS(co_await machine->wait_visible(outcome.index, until));
  co_return outcome;
}
}  // namespace

task::Task<Result<Outcome>> Metadata::propose(shard::Shard& from, Command command, Deadline until) {
  auto body = [machine = machine_, log = log_, command = std::move(command), until](shard::Shard&) mutable {
    return propose_and_publish(machine, log, std::move(command), until);
  };
  co_return co_await shard::call(from, shards_.at(0), "meta.propose", until, std::move(body));
}

task::Task<Result<Generation>> Metadata::allocate_generation(shard::Shard& from, Deadline until) {
  CO_TRY(const Outcome outcome, co_await propose(from, AllocateGeneration{}, until));
  co_return Generation(static_cast<std::uint64_t>(outcome.value));
}

task::Task<Result<ProducerId>> Metadata::next_producer_id(shard::Shard& from, Deadline until) {
  ProducerBlock& block = *producer_blocks_[from.id().value()];
  while (block.next == block.end) {
    if (block.refilling) {
      if (co_await block.ready.wait("meta.producer_id", until) == task::Woken::timed_out) {
        co_return fail(Errc::timed_out, "meta.producer_id");
      }
      continue;
    }
    block.refilling = true;
    struct Done {
      ProducerBlock& block;
      ~Done() {
        block.refilling = false;
        block.ready.notify_all();
      }
    } const done{block};
    CO_TRY(const Outcome outcome, co_await propose(from, AllocateProducerIds{}, until));
    if (!outcome.items.empty()) co_return fail(Errc::out_of_range, outcome.items.front().message);
    block.next = outcome.value;
    block.end = outcome.value + kProducerIdBlock;
  }
  co_return ProducerId(block.next++);
}

Status Metadata::health() const {
  return log_->health();
}

}  // namespace chronik::meta
