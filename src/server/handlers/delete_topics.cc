// DeleteTopics: topics by name, from version 6 on also by id.
#include <map>

#include "server/handlers/common.h"
#include "server/handlers/handle_topics.h"

namespace chronik::server {

namespace {

using wire::ErrorCode;
using Answer = wire::DeleteTopicsResponse::TopicResult;

/// Which topics a request means, each once; what is wrong with the others.
class Selection {
 public:
  Selection(ShardServer& server, const wire::DeleteTopicsRequest& request) : image_(server.view().image()) {
    for (const auto& name : request.topic_names) ++names_[name];
    for (const auto& topic : request.topics) {
      if (topic.name && topic.topic_id.is_zero()) ++names_[*topic.name];
      if (!topic.name && !topic.topic_id.is_zero()) ++ids_[topic.topic_id];
    }
    for (const auto& name : request.topic_names) add_name(name);
    for (const auto& topic : request.topics) {
      if (topic.name && !topic.topic_id.is_zero()) {
        refuse(answer(topic.name, topic.topic_id), ErrorCode::invalid_request,
               "You may not specify both topic name and topic id.");
      } else if (topic.name) {
        add_name(*topic.name);
      } else if (topic.topic_id.is_zero()) {
        refuse(answer({}, {}), ErrorCode::invalid_request, "Neither topic name nor id were specified.");
      } else {
        add_id(topic.topic_id);
      }
    }
  }

  std::vector<Answer> answers;
  std::vector<meta::TopicReference> chosen;
  std::vector<std::size_t> slots;  // of the chosen ones among the answers

 private:
  Answer& answer(std::optional<std::string> name, TopicId id) {
    Answer& added = answers.emplace_back();
    added.name = std::move(name);
    added.topic_id = id;
    return added;
  }
  void add_name(const std::string& name) {
    std::size_t& count = names_[name];
    if (count == 0) return;  // a duplicate: answered already
    if (count > 1) {
      refuse(answer(name, {}), ErrorCode::invalid_request, "Duplicate topic name.");
      count = 0;
      return;
    }
    const meta::TopicPtr topic = image_->find(name);
    if (topic && ids_.contains(topic->id)) {
      refuse(answer(name, topic->id), ErrorCode::invalid_request,
             "The provided topic name maps to an ID that was already supplied.");
      return;
    }
    answer(name, {});
    choose({name, {}});
  }
  void add_id(TopicId id) {
    std::size_t& count = ids_[id];
    if (count == 0) return;
    if (count > 1) {
      refuse(answer({}, id), ErrorCode::invalid_request, "Duplicate topic id.");
      count = 0;
      return;
    }
    answer({}, id);
    choose({{}, id});
  }
  void choose(meta::TopicReference reference) {
    chosen.push_back(std::move(reference));
    slots.push_back(answers.size() - 1);
  }

  meta::ImagePtr image_;
  std::map<std::string, std::size_t> names_;  // how often each occurs; 0 once answered
  std::map<TopicId, std::size_t> ids_;
};

void fill(Answer& answer, meta::DeletedTopic deleted) {
  answer.error_code = deleted.outcome.error;
  if (!deleted.outcome.ok()) {
    answer.error_message = std::move(deleted.outcome.message);
    return;
  }
  answer.name = std::move(deleted.name);
  answer.topic_id = deleted.id;
}

}  // namespace

task::Task<wire::DeleteTopicsResponse> handle_delete_topics(RequestContext& context,
                                                            wire::DeleteTopicsRequest request) {
  ShardServer& server = context.server;
  wire::DeleteTopicsResponse response;
  Selection selection(server, request);
  response.responses = std::move(selection.answers);
  if (!server.view().broker().delete_topics) {
    constexpr std::int16_t kDisabledErrorSince = 3;
    const bool told = context.version() >= kDisabledErrorSince;
    for (auto& answer : response.responses) {
      refuse(answer, told ? ErrorCode::topic_deletion_disabled : ErrorCode::invalid_request,
             "Topic deletion is disabled (delete.topic.enable).");
    }
    co_return response;
  }
  if (selection.chosen.empty()) co_return response;
  auto deleted = co_await meta::delete_topics(server.metadata(), server.shard(), std::move(selection.chosen),
                                              client_deadline(server.context(), request.timeout_ms));
  for (std::size_t i = 0; i < selection.slots.size(); ++i) {
    auto& answer = response.responses[selection.slots[i]];
    if (deleted) {
      fill(answer, std::move((*deleted)[i]));
    } else {
      refuse(answer, deleted.error());
    }
  }
  co_return response;
}

}  // namespace chronik::server
