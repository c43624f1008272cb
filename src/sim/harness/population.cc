#include "sim/harness/population.h"

#include "sim/harness/topics.h"

namespace chronik::sim {

namespace {

ProducerPlan draw_producer(const ClientKit& kit, Numbers& numbers) {
  ProducerPlan plan{.number = numbers.producers++, .idempotent = kit.prng.chance(3, 4)};
  for (const PartitionName& partition : world_partitions()) {
    if (kit.prng.chance(1, 2)) plan.partitions.push_back(partition);
  }
  if (plan.partitions.empty()) plan.partitions.push_back(world_partitions().front());
  plan.pause_min = 1ms;
  plan.pause_max = std::chrono::milliseconds(5 + kit.prng.below(40));
  return plan;
}

ProducerPlan draw_bulk(const ClientKit& kit, Numbers& numbers) {
  ProducerPlan plan{.number = numbers.producers++, .idempotent = kit.prng.chance(1, 2), .bulk = true};
  for (const PartitionName& partition : world_partitions()) {
    if (find_topic(partition.topic)->bulk || kit.prng.chance(1, 6)) plan.partitions.push_back(partition);
  }
  plan.pause_min = 5ms;
  plan.pause_max = 100ms;
  return plan;
}

MemberPlan draw_member(const ClientKit& kit, std::size_t number) {
  MemberPlan plan{.group = "group", .instance = {}, .topics = {"topic-0", "topic-1"}};
  if (number > 0) {
    plan.group = "group-b";
    plan.topics = {"topic-2"};
    // Another process claims the same place now and then, and one of the two is fenced.
    if (kit.prng.chance(1, 6)) plan.instance = "twin";
  } else if (kit.prng.chance(1, 3)) {
    plan.instance = "static-" + kit.name;
  }
  return plan;
}

MemberPlan draw_consumer(const ClientKit& kit, std::size_t number) {
  MemberPlan plan{.group = "new-group", .instance = {}, .topics = {"topic-1", "topic-2"}, .regex = {}, .assignor = {}};
  plan.assignor = kit.prng.chance(1, 2) ? "uniform" : "range";
  if (kit.prng.chance(1, 3)) {
    plan.group = "mixed-group";
    plan.mixed = true;
  }
  if (kit.prng.chance(1, 3)) plan.regex = "topic-[12]";
  if (kit.prng.chance(1, 3)) plan.instance = "fixed-" + kit.name + "-" + std::to_string(number);
  return plan;
}

}  // namespace

void populate(const ClientKit& kit, const Mix& mix, std::size_t which, Numbers& numbers) {
  const auto all = world_partitions();
  const auto spawn = [&](task::Task<void> body) { kit.context.spawn("sim.workload", std::move(body)); };
  const auto rarely = [&] { return kit.prng.chance(1, mix.rare_parts); };
  for (int i = 0; i < mix.producers; ++i) spawn(produce_on(kit, draw_producer(kit, numbers)));
  for (int i = 0; i < mix.bulk && which == 0; ++i) spawn(produce_on(kit, draw_bulk(kit, numbers)));
  for (int i = 0; i < mix.readers; ++i) spawn(read_on(kit, all[kit.prng.below(all.size())]));
  for (int i = 0; i < mix.members; ++i) spawn(consume_in_group(kit, draw_member(kit, static_cast<std::size_t>(i))));
  for (int i = 0; i < mix.consumers; ++i) {
    const MemberPlan plan = draw_consumer(kit, static_cast<std::size_t>(i));
    const bool classic = plan.mixed && kit.prng.chance(1, 2);
    spawn(classic ? consume_in_group(kit, plan) : consume_by_heartbeat(kit, plan));
  }
  if (rarely()) {
    ProducerPlan plan = draw_producer(kit, numbers);
    plan.idempotent = true;
    spawn(pipeline_on(kit, plan));
  }
  if (rarely()) spawn(fence(kit, draw_producer(kit, numbers)));
  if (rarely()) spawn(administer(kit, all));
  if (rarely()) spawn(inquire(kit, all));
  if (rarely()) spawn(keep_offsets(kit, "group"));
  if (rarely()) spawn(recreate(kit, numbers.owners++));
  spawn(misbehave(kit, "topic-0"));
  if (which == 1) spawn(transact(kit, numbers.owners++));
}

}  // namespace chronik::sim
