#include "meta/view.h"

namespace chronik::meta {

MetadataView::MetadataView(shard::Shard& owner, const BrokerConfig& configured, ImagePtr image)
    : configured_(configured),
      broker_(std::make_shared<const BrokerConfig>(configured.with_dynamic(*image))),
      image_(std::move(image)),
      changed_(owner.context()) {}

void MetadataView::listen(Listener listener) {
  listeners_.push_back(std::move(listener));
  listeners_.back()(std::make_shared<const Image>(), image_);
}

void MetadataView::accept(ImagePtr image) {
  if (image->index() <= image_->index()) return;
  const ImagePtr old = std::exchange(image_, std::move(image));
  const auto same = [this, &old](BrokerId broker) {
    return old->broker_configs(broker) == image_->broker_configs(broker);
  };
  if (!same(kEveryBroker) || !same(configured_.node_id)) {
    broker_ = std::make_shared<const BrokerConfig>(configured_.with_dynamic(*image_));
  }
  for (Listener& listener : listeners_) listener(old, image_);
  changed_.notify_all();
}

task::Task<Result<ImagePtr>> MetadataView::wait_for(std::function<bool(const Image&)> holds, Deadline until) {
  while (!holds(*image_)) {
    if (co_await changed_.wait("meta.view", until) == task::Woken::timed_out && !holds(*image_)) {
      co_return fail(Errc::timed_out, "meta.view");
    }
  }
  co_return image_;
}

task::Task<Status> MetadataView::wait_for(Index index, Deadline until) {
  const auto reached = co_await wait_for([index](const Image& image) { return image.index() >= index; }, until);
  if (!reached) co_return fail(reached.error());
  co_return Status{};
}

}  // namespace chronik::meta
