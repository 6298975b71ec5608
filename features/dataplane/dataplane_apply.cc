// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/dataplane/dataplane_apply.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <random>
#include <sstream>

#include "base/file.h"
#include "base/log.h"
#include "engine/feature.h"
#include "features/dataplane/dataplane_stats.h"

namespace floof::dataplane {

namespace {

constexpr std::chrono::microseconds kListingPause(500);

std::string applied_path(const std::string& run_dir) { return run_dir + "/applied.json"; }

const Json& section(const Json& desired, const char* name) {
  static const Json kEmpty = Json::object();
  const auto at = desired.is_object() ? desired.find(name) : desired.end();
  return desired.is_object() && at != desired.end() && at->is_object() ? *at : kEmpty;
}

unsigned number(const Json& object, const char* name, unsigned otherwise) {
  const auto at = object.find(name);
  return at != object.end() && at->is_number_unsigned() ? at->get<unsigned>() : otherwise;
}

std::string text(const Json& object, const char* name, std::string otherwise) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : otherwise;
}

}  // namespace

engine::EngineOptions engine_options(const Json& desired, std::string run_dir) {
  engine::EngineOptions options;
  options.run_dir = std::move(run_dir);
  const Json& wanted = section(desired, "dataplane");
  options.workers = std::min(number(wanted, "workers", options.workers), stats::kMaxWorkers - 1);
  options.workers = std::max(options.workers, 1u);
  options.buffers = std::max(number(wanted, "buffers", options.buffers), 2048u);
  options.polling = text(wanted, "polling", "adaptive") == "busy" ? engine::Polling::busy : engine::Polling::adaptive;
  return options;
}

Json stored_state(const std::string& run_dir) {
  std::ifstream file(applied_path(run_dir));
  std::stringstream content;
  content << file.rdbuf();
  Json state = Json::parse(content.str(), nullptr, false);
  return state.is_object() ? state : Json(nullptr);
}

Api::Api(Setup setup) : setup_(std::move(setup)), memory_(setup_.loop, setup_.participants, setup_.incidents) {
  std::random_device random;
  instance_ = std::to_string(random()) + "-" + std::to_string(random());
}
Api::~Api() { *alive_ = false; }

void Api::restore() {
  Json state = stored_state(setup_.run_dir);
  if (state.is_null()) {
    return;
  }
  states_.stage(std::move(state));
  (void)stage_now(true);
  const Json answer = publish();
  if (answer["ok"].get<bool>()) {
    return;
  }
  for (const Error& error : ipc::errors_of(answer)) {
    log::error("restoring the last state: {}", error.text());
  }
}

Result<void> Api::listen() {
  auto server = ipc::Server::listen_late(
      setup_.loop, setup_.run_dir + "/dataplane.sock",
      [this](const ipc::Peer&, const Json& request, const ipc::Reply& reply) { answer_late(request, reply); });
  if (!server) {
    return server.error();
  }
  server_ = std::move(server).value();
  return {};
}

/// A long answer on its way.
struct Api::Telling {
  std::unique_ptr<Listing> listing;
  ipc::Reply reply;
  bool pieces = false;  ///< the reader takes it so; else `rows` are put together
  bool wanted = true;
  std::string rows{};
};

/// A long answer is made a little at a time, as its reader takes it and between other work.
void Api::answer_late(const Json& request, const ipc::Reply& reply) {
  const auto arguments = request.find("arguments");
  const bool shows = text(request, "op", "") == "show" && arguments != request.end() && arguments->is_object();
  auto listing = shows ? list(text(request, "what", ""), *arguments) : nullptr;
  if (!listing) {
    return reply(ipc::to_text(answer(request)));
  }
  const auto telling = std::make_shared<Telling>(
      Telling{.listing = std::move(listing), .reply = reply, .pieces = arguments->contains("pieces")});
  reply.when_gone([weak = std::weak_ptr(telling)] {
    if (const auto one = weak.lock()) {
      one->wanted = false;
    }
  });
  go_on(telling);
}

std::unique_ptr<Listing> Api::list(const std::string& what, const Json& arguments) {
  for (const auto& participant : setup_.participants) {
    if (auto made = participant->list(what, arguments)) {
      return made;
    }
  }
  return nullptr;
}

void Api::go_on(const std::shared_ptr<Telling>& telling) {
  if (!telling->wanted) {
    return;
  }
  setup_.engine.beat();
  const auto begun = EventLoop::Clock::now();
  const auto rows = telling->listing->next();
  if (!rows) {
    return telling->reply(telling->pieces ? ipc::to_text({{"ok", true}, {"data", telling->listing->end()}})
                                          : "{\"data\":[" + telling->rows + "],\"ok\":true}");
  }
  std::string piece;
  if (telling->pieces && !rows->empty()) {
    piece = ipc::to_text({{"ok", true}, {"data", *rows}});
  }
  for (const Json& row : telling->pieces ? Json::array() : *rows) {
    telling->rows.append(telling->rows.empty() ? "" : ",").append(ipc::to_text(row));
  }
  // As long as it took, others have the thread.
  const auto pause = std::chrono::duration_cast<std::chrono::microseconds>(EventLoop::Clock::now() - begun);
  const auto later = [this, alive = alive_, telling, pause] {
    if (!*alive) {
      return;
    }
    setup_.loop.after(std::max(pause, kListingPause), [this, alive, telling] {
      if (*alive) {
        go_on(telling);
      }
    });
  };
  piece.empty() ? later() : telling->reply.piece(std::move(piece), later);
}

Json Api::answer(const Json& request) {
  const std::string op = request.is_object() ? text(request, "op", "") : "";
  if (op == "ping") {
    return {{"ok", true}};
  }
  if (op == "stage") {
    return answer_stage(request);
  }
  if (op == "publish") {
    return publish();
  }
  if (op == "abort") {
    abort();
    return {{"ok", true}};
  }
  if (op == "show") {
    const auto arguments = request.find("arguments");
    return show(text(request, "what", ""),
                arguments != request.end() && arguments->is_object() ? *arguments : Json(Json::object()));
  }
  if (op == "clear" && text(request, "what", "") == "counters") {
    setup_.engine.clear_counters();
    return {{"ok", true}};
  }
  if (op == "clear" && text(request, "what", "") == "incidents") {
    const size_t ended = setup_.incidents == nullptr ? 0 : setup_.incidents->acknowledge();
    return {{"ok", true}, {"data", {{"ended", ended}}}};
  }
  return ipc::failure(
      Error{"op", "'" + op + "' is not a request of the dataplane", "use stage, publish, abort, show, clear or ping"});
}

Json Api::answer_stage(const Json& request) {
  const auto lenient = request.find("lenient");
  const bool leniently = lenient != request.end() && lenient->is_boolean() && lenient->get<bool>();
  abort();
  if (const auto patch = request.find("patch"); patch != request.end()) {
    if (version_.empty() || text(request, "base", "") != version_ || !states_.stage_patch(*patch)) {
      Json refusal = ipc::failure(Error{"stage", "the patch is for another state", "send the whole desired state"});
      refusal["unknown-base"] = true;
      return refusal;
    }
  } else if (const auto whole = request.find("desired"); whole != request.end()) {
    states_.stage(*whole);
  }
  if (!states_.staged() || !states_.now().is_object()) {
    states_.drop();
    return ipc::failure(Error{"stage", "'desired' is missing or is no object", "send the whole desired state"});
  }
  const auto errors = stage_now(leniently);
  return errors.empty()
             ? Json{{"ok", true}, {"restart-needed", restart_needed(states_.now())}, {"warnings", warnings()}}
             : ipc::failure(errors);
}

Json Api::warnings() const {
  Json out = Json::array();
  for (const auto& participant : setup_.participants) {
    for (std::string& warning : participant->warnings()) {
      out.push_back(std::move(warning));
    }
  }
  return out;
}

std::vector<Error> Api::let_stage(const Json& desired, bool lenient) {
  std::vector<Error> errors;
  for (const auto& participant : setup_.participants) {
    for (Error& error : participant->stage(desired, lenient)) {
      errors.push_back(std::move(error));
    }
    setup_.engine.beat();
  }
  return errors;
}

/// What `states_` has staged.
std::vector<Error> Api::stage_now(bool lenient) {
  std::vector<Error> errors = let_stage(states_.now(), lenient);
  if (!errors.empty() && !lenient) {
    abort();
    return errors;
  }
  return {};
}

void Api::abort() {
  if (!states_.staged()) {
    return;
  }
  for (const auto& participant : setup_.participants) {
    participant->abort();
  }
  states_.drop();
}

/// After a publish that failed half way: what ran before, as well as it goes.
void Api::go_back() {
  states_.drop();
  (void)let_stage(states_.now().is_null() ? Json(Json::object()) : states_.now(), true);
  for (const auto& participant : setup_.participants) {
    if (auto part = participant->publish(); !part) {
      log::error("going back to the state before: {}", part.error().text());
    }
  }
}

Json Api::publish() {
  if (!states_.staged()) {
    return ipc::failure(Error{"publish", "nothing is staged", "send stage first"});
  }
  // Nobody changes the state meanwhile: its text is made beside.
  auto printing = std::async(std::launch::async, [&state = states_.now()] {
    return state.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  });
  Json applied = Json::object();
  std::vector<Error> errors;
  for (const auto& participant : setup_.participants) {
    auto part = participant->publish();
    setup_.engine.beat();
    if (!part) {
      errors.push_back(part.error());
      break;
    }
    applied[std::string(participant->name())] = std::move(part).value();
  }
  const std::string text = printing.get();
  if (errors.empty()) {
    if (auto stored = store(text); !stored) {
      errors.push_back(stored.error());
    }
  }
  if (!errors.empty()) {
    go_back();
    return ipc::failure(errors);
  }
  states_.keep();
  version_ = instance_ + "-" + std::to_string(++published_);
  applied["restart-needed"] = restart_needed(states_.now());
  return {{"ok", true}, {"applied", std::move(applied)}, {"version", version_}};
}

Json Api::restart_needed(const Json& desired) const {
  const engine::EngineOptions wanted = engine_options(desired, setup_.run_dir);
  Json out = Json::array();
  if (wanted.workers != setup_.options.workers) {
    out.push_back("dataplane workers");
  }
  if (wanted.buffers != setup_.options.buffers) {
    out.push_back("dataplane buffers");
  }
  if (wanted.polling != setup_.options.polling) {
    out.push_back("dataplane polling");
  }
  return out;
}

Result<void> Api::store(const std::string& text) const {
  return replace_file(applied_path(setup_.run_dir), text,
                      {"cannot store the applied state", "make room in the run folder"});
}

/// Every participant may have some.
Json Api::alarms() {
  Json out = Json::array();
  for (const auto& participant : setup_.participants) {
    for (const Json& alarm : participant->show("alarms", Json::object())) {
      out.push_back(alarm);
    }
  }
  for (std::string& alarm : setup_.incidents == nullptr ? std::vector<std::string>() : setup_.incidents->alarms()) {
    out.push_back(std::move(alarm));
  }
  return out;
}

Json Api::show(const std::string& what, const Json& arguments) {
  setup_.engine.beat();  // many may ask at once, and no answer takes long
  if (what == "alarms") {
    return {{"ok", true}, {"data", alarms()}};
  }
  if (what == "memory") {
    return {{"ok", true}, {"data", memory_.show()}};
  }
  Json data = show_engine(setup_.engine, setup_.run_dir, what);
  for (const auto& participant : setup_.participants) {
    if (!data.is_null()) {
      break;
    }
    data = participant->show(what, arguments);
  }
  if (data.is_null()) {
    return ipc::failure(Error{"show " + what, "the dataplane knows nothing of that name", ""});
  }
  return {{"ok", true}, {"data", std::move(data)}};
}

// -- The feature --------------------------------------------------------------------------------------------------

namespace {

/// Comes last: it lets all others take part, and restores before anybody may ask.
class DataplaneFeature final : public engine::Feature {
 public:
  explicit DataplaneFeature(engine::Features& others) : others_(others) {}

  Result<> start() override {
    api_ = std::make_unique<Api>(Api::Setup{.loop = others_.loop(),
                                            .engine = others_.engine(),
                                            .run_dir = others_.setup().run_dir,
                                            .options = others_.engine().options(),
                                            .participants = others_.all<Participant>(),
                                            .incidents = others_.find<Incidents>()});
    api_->restore();
    others_.engine().forget_earlier_counters();
    return {};
  }
  Result<> open() override { return api_->listen(); }
  void stop() override { api_.reset(); }

 private:
  engine::Features& others_;
  std::unique_ptr<Api> api_;
};

/// As the state that ran last wants it: some options take a restart.
void configure(const engine::Setup& setup, engine::EngineOptions& options) {
  const engine::EngineOptions wanted = engine_options(stored_state(setup.run_dir), setup.run_dir);
  options.workers = wanted.workers;
  options.buffers = wanted.buffers;
  options.polling = wanted.polling;
}

}  // namespace

const engine::FeatureEntry& apply_feature() {
  static const engine::FeatureEntry entry{
      .name = "dataplane", .after = {"*"}, .make = engine::make_feature<DataplaneFeature>, .configure = configure};
  return entry;
}

}  // namespace floof::dataplane
