// MetadataView: one shard's sight of the metadata. Holds the current image and the broker configuration under it; tells
// the shard's listeners when a newer one arrives. Used on its own shard only, except that shard 0 sends it images.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "meta/config.h"
#include "meta/image.h"
#include "shard/shard.h"
#include "task/event.h"

namespace chronik::meta {

class MetadataView {
 public:
  /// Called after the swap, old image first. Must not block; may spawn.
  using Listener = std::move_only_function<void(const ImagePtr& old, const ImagePtr& now)>;

  /// `configured` are the broker's static values.
  MetadataView(shard::Shard& owner, const BrokerConfig& configured, ImagePtr image);

  const ImagePtr& image() const { return image_; }
  /// Static values with the image's dynamic ones over them.
  const BrokerConfig& broker() const { return *broker_; }
  /// Of a topic of the current image.
  TopicConfig topic_config(const Topic& topic) const { return resolve_topic_config(*broker_, topic.configs); }

  /// Registers for the view's life and calls at once with (empty image, current image).
  void listen(Listener listener);

  /// Until the image reflects `index`; timed_out.
  task::Task<Status> wait_for(Index index, Deadline until);
  /// Until `holds(image)`; timed_out. Gives the image for which it held.
  task::Task<Result<ImagePtr>> wait_for(std::function<bool(const Image&)> holds, Deadline until);
  /// Notified at each swap.
  task::Event& changed() { return changed_; }

  /// Swaps in a newer image; older ones are ignored.
  void accept(ImagePtr image);

 private:
  BrokerConfig configured_;
  std::shared_ptr<const BrokerConfig> broker_;
  ImagePtr image_;
  task::Event changed_;
  std::vector<Listener> listeners_;
};

}  // namespace chronik::meta
