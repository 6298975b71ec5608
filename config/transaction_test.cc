// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/transaction.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/boot.h"
#include "base/test_folder.h"
#include "config/test_support.h"

namespace floof::config {
namespace {

namespace fs = std::filesystem;

/// Keeps what it was told in memory and fails on request.
class FakeBackend : public Backend {
 public:
  explicit FakeBackend(std::string name, std::vector<std::string>& log) : name_(std::move(name)), log_(log) {}
  std::string_view name() const override { return name_; }
  std::vector<Error> stage(const SharedJson& config, const SharedJson&, bool lenient) override {
    note(lenient ? "stage-lenient" : "stage");
    published_ = false;
    staged = config->value("system", Json::object()).value("hostname", "");
    return failing("stage");
  }
  std::vector<Error> publish() override {
    note("publish");
    published_ = true;
    before = live;
    live = staged;
    return failing("publish");
  }
  std::vector<Error> confirm() override {
    note("confirm");
    return failing("confirm");
  }
  void undo() override {
    note("undo");
    live = before;
  }
  void abort() override { note("abort"); }
  std::vector<std::string> warnings() override {
    std::vector<std::string> out{name_ + " warns"};
    if (published_ && says_more_when_published) {
      out.push_back(name_ + " did something");
    }
    return out;
  }

  std::string staged, live, before, fail_at;
  bool says_more_when_published = false;

 private:
  void note(std::string_view what) { log_.push_back(name_ + " " + std::string(what)); }
  std::vector<Error> failing(std::string_view at) const {
    return at == fail_at ? std::vector<Error>{{"system hostname", "fails at " + fail_at, "none"}}
                         : std::vector<Error>();
  }
  std::string name_;
  std::vector<std::string>& log_;
  bool published_ = false;
};

/// An engine and one editor of it.
struct Box {
  explicit Box(std::unique_ptr<ConfigEngine> opened) : engine(std::move(opened)), editing(engine->fork()) {}
  std::unique_ptr<ConfigEngine> engine;
  Candidate editing;

  ConfigEngine* operator->() { return engine.get(); }
  const Tree& candidate() const { return editing.tree; }
  Result<std::vector<std::string>> set(const Words& words) { return editing.tree.set(words); }
  ConfigEngine::Committed commit(const std::string& user, const std::string& comment,
                                 std::optional<Confirm> confirm = {}) {
    return engine->commit(editing, {user, "cli", comment, std::move(confirm)});
  }
  ConfigEngine::Committed check() { return engine->check(editing); }
  bool rollback(size_t index) {
    auto tree = engine->earlier(index);
    if (tree) {
      editing.tree = std::move(*tree);
    }
    return tree.ok();
  }
  std::string compare(size_t index) { return config::compare(*engine->earlier(index), editing.tree); }
};

class Transaction : public testing::Test {
 protected:
  Box open(std::function<void(std::string_view)> crash_point = {}, std::vector<void (*)(Json&)> migrations = {}) {
    static const Feature no_bad{
        "test",
        [](const Json& config) {
          std::vector<Error> errors;
          if (config.value("system", Json::object()).value("hostname", "") == "bad") {
            errors.push_back({"system hostname bad", "is bad", "be good"});
          }
          return errors;
        },
        [](const Json& config, Json& desired) { desired["host"] = config.value("system", Json::object()); },
        [](const Json&) { return std::vector<std::string>{"feature warns"}; }};
    auto engine = ConfigEngine::open({folder_ + "/state",
                                      "t",
                                      test::schema(),
                                      {&no_bad},
                                      {&a_, &b_},
                                      std::move(migrations),
                                      {},
                                      std::move(crash_point)});
    EXPECT_TRUE(engine.ok()) << engine.error().text();
    return Box(std::move(*engine));
  }

  static void name(Box& box, const std::string& host) { ASSERT_TRUE(box.set(Words{"system", "hostname", host}).ok()); }
  static std::string hostname(const Tree& tree) {
    return tree.to_json(Secrets::clear).value("system", Json::object()).value("hostname", "");
  }

  const TestFolder made_;
  const std::string folder_ = made_.path();
  std::vector<std::string> log_;
  FakeBackend a_{"a", log_}, b_{"b", log_};
};

TEST_F(Transaction, CommitGoesThroughInOrderAndIsStored) {
  auto engine = open();
  EXPECT_EQ(engine->generation(), 0U);
  name(engine, "one");
  const auto done = engine.commit("ann", "first");
  EXPECT_TRUE(done.errors.empty());
  EXPECT_TRUE(done.changed);
  EXPECT_EQ(done.generation, 1U);
  EXPECT_EQ(done.warnings, (std::vector<std::string>{"feature warns", "a warns", "b warns"}));
  EXPECT_EQ(log_, (std::vector<std::string>{"a stage", "b stage", "a publish", "b publish", "a confirm", "b confirm"}));
  EXPECT_EQ(engine->desired(), Json::parse(R"({"generation":1,"instance":"t","host":{"hostname":"one"}})"));
  EXPECT_FALSE(engine.commit("ann", "").changed) << "nothing to do";
  EXPECT_FALSE(fs::exists(folder_ + "/state/journal.json"));
  struct stat info {};
  ASSERT_EQ(stat((folder_ + "/state/running.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  ASSERT_EQ(stat((folder_ + "/state").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);

  log_.clear();
  auto again = open();
  EXPECT_EQ(again->generation(), 1U);
  EXPECT_EQ(hostname(again->running()), "one");
  EXPECT_TRUE(again->apply_running().empty());
  EXPECT_EQ(log_, (std::vector<std::string>{"a stage-lenient", "a publish", "a confirm", "b stage-lenient", "b publish",
                                            "b confirm"}));
  ASSERT_EQ(again->history().size(), 2U);
  EXPECT_EQ(again->history()[0].user, "ann");
  EXPECT_EQ(again->history()[0].comment, "first");
}

TEST_F(Transaction, CheckAndPlanTellWhatTheCommitWouldTell) {
  auto engine = open();
  name(engine, "one");
  const std::vector<std::string> warnings{"feature warns", "a warns", "b warns"};
  EXPECT_EQ(engine.check().warnings, warnings);
  EXPECT_EQ(engine->plan(engine.editing).warnings, warnings);
  EXPECT_EQ(engine.commit("ann", "").warnings, warnings);
  name(engine, "two");
  EXPECT_EQ(engine.check().warnings, warnings) << "all that stands";
  EXPECT_TRUE(engine->plan(engine.editing).warnings.empty()) << "nothing that the commit brings";
  const auto again = engine.commit("ann", "");
  EXPECT_TRUE(again.warnings.empty());
  EXPECT_EQ(again.standing, 3U);
  b_.says_more_when_published = true;
  name(engine, "three");
  EXPECT_EQ(engine.commit("ann", "").warnings, std::vector<std::string>{"b did something"});
  name(engine, "four");
  EXPECT_EQ(engine.commit("ann", "").warnings, std::vector<std::string>{"b did something"}) << "each time";
  b_.says_more_when_published = false;
  auto fresh = open();
  fresh->apply_running();
  name(fresh, "five");
  EXPECT_TRUE(fresh.commit("ann", "").warnings.empty()) << "told before the restart";
  name(engine, "bad");
  EXPECT_TRUE(engine->plan(engine.editing).warnings.empty()) << "there are errors enough";
}

TEST_F(Transaction, EveryFailureLeavesTheOldState) {
  auto engine = open();
  name(engine, "one");
  ASSERT_TRUE(engine.commit("ann", "").errors.empty());
  for (FakeBackend* failing : {&a_, &b_}) {
    for (const char* at : {"stage", "publish", "confirm"}) {
      failing->fail_at = at;
      name(engine, "two");
      const auto failed = engine.commit("ann", "");
      EXPECT_EQ(failed.errors.size(), 1U);
      EXPECT_FALSE(failed.changed);
      EXPECT_EQ(engine->generation(), 1U);
      EXPECT_EQ(hostname(engine->running()), "one");
      EXPECT_EQ(hostname(engine.candidate()), "two") << "the candidate stays for the user to mend";
      EXPECT_EQ(a_.live, "one") << at;
      EXPECT_EQ(b_.live, "one") << at;
      EXPECT_FALSE(fs::exists(folder_ + "/state/journal.json"));
      EXPECT_EQ(hostname(open()->running()), "one");
      failing->fail_at.clear();
    }
  }
  EXPECT_TRUE(engine.commit("ann", "").changed);
  EXPECT_EQ(b_.live, "two");
}

TEST_F(Transaction, UndoGoesBackwardsAndTheRestIsAborted) {
  auto engine = open();
  name(engine, "one");
  a_.fail_at = "publish";
  EXPECT_EQ(engine.commit("ann", "").errors.size(), 1U);
  EXPECT_EQ(log_, (std::vector<std::string>{"a stage", "b stage", "a publish", "a undo", "b abort"}));
  a_.fail_at = "";
  b_.fail_at = "confirm";
  log_.clear();
  EXPECT_EQ(engine.commit("ann", "").errors.size(), 1U);
  EXPECT_EQ(log_, (std::vector<std::string>{"a stage", "b stage", "a publish", "b publish", "a confirm", "b confirm",
                                            "b undo", "a undo"}));
}

TEST_F(Transaction, CheckChangesNothing) {
  auto engine = open();
  name(engine, "one");
  EXPECT_TRUE(engine.check().errors.empty());
  EXPECT_EQ(log_, (std::vector<std::string>{"a stage", "b stage", "a abort", "b abort"}));
  EXPECT_EQ(engine->generation(), 0U);
  name(engine, "bad");
  EXPECT_EQ(engine.check().errors.size(), 1U);
  EXPECT_EQ(engine.commit("ann", "").errors[0].text(), "system hostname bad: is bad; be good");
  EXPECT_EQ(a_.live, "");
}

TEST_F(Transaction, AFullDiskIsFoundBeforeAnythingActs) {
  auto engine = open();
  name(engine, "one");
  fs::remove_all(folder_ + "/state");
  std::ofstream(folder_ + "/state") << "in the way";
  const auto failed = engine.commit("ann", "");
  ASSERT_EQ(failed.errors.size(), 1U);
  EXPECT_EQ(log_, (std::vector<std::string>{"a stage", "b stage", "a abort", "b abort"}));
}

TEST_F(Transaction, Rollback) {
  auto engine = open();
  for (int i = 1; i <= 60; i++) {
    name(engine, "h" + std::to_string(i));
    ASSERT_TRUE(engine.commit("ann", "").changed);
  }
  EXPECT_EQ(engine->history().size(), 50U);
  ASSERT_TRUE(engine.rollback(1));
  EXPECT_EQ(hostname(engine.candidate()), "h59");
  EXPECT_EQ(engine.compare(0), "[edit system]\n-   hostname h60;\n+   hostname h59;\n");
  EXPECT_EQ(engine.compare(1), "");
  ASSERT_TRUE(engine.rollback(49));
  EXPECT_EQ(hostname(engine.candidate()), "h11");
  EXPECT_FALSE(engine.rollback(50));
  ASSERT_TRUE(engine.rollback(0));
  EXPECT_EQ(hostname(engine.candidate()), "h60");
  name(engine, "x");
  engine.editing = engine->fork();
  EXPECT_EQ(hostname(engine.candidate()), "h60");
}

TEST_F(Transaction, BootIsLenient) {
  {
    auto engine = open();
    name(engine, "one");
    ASSERT_TRUE(engine.commit("ann", "").changed);
  }
  a_.fail_at = "publish";
  auto engine = open();
  EXPECT_EQ(engine->apply_running().size(), 1U);
  EXPECT_EQ(b_.live, "one");
}

TEST_F(Transaction, UnknownWordsOfAnotherVersionAreAlarmsNotTheEnd) {
  fs::create_directories(folder_ + "/state");
  std::ofstream(folder_ + "/state/running.json")
      << R"({"format":1,"generation":7,"time":"","user":"","comment":"","config":{"future":{"x":1},"system":{"hostname":"one"}}})";
  auto engine = open();
  EXPECT_EQ(engine->alarms().size(), 1U);
  EXPECT_EQ(hostname(engine->running()), "one");
  EXPECT_EQ(engine->generation(), 7U);
}

TEST_F(Transaction, DamagedFileFallsBackToHistory) {
  {
    auto engine = open();
    name(engine, "one");
    ASSERT_TRUE(engine.commit("ann", "").changed);
  }
  std::ofstream(folder_ + "/state/running.json") << "{\"gener";
  auto engine = open();
  EXPECT_EQ(hostname(engine->running()), "one");
  EXPECT_EQ(engine->alarms().size(), 1U);
  EXPECT_TRUE(fs::exists(folder_ + "/state/running.json.damaged"));
}

/// Dies at each step on disk in turn; whoever starts next finds the old or the new configuration, whole, and goes on.
TEST_F(Transaction, APowerCutAtAnyStepLeavesOldOrNew) {
  {
    auto engine = open();
    name(engine, "old");
    ASSERT_TRUE(engine.commit("ann", "").changed);
  }
  bool died = true, saw_old = false, saw_new = false;
  int step = 0;
  for (; died && step < 100; step++) {
    fs::remove_all(folder_ + "/work");
    fs::copy(folder_ + "/state", folder_ + "/work", fs::copy_options::recursive);
    const pid_t child = fork();
    if (child == 0) {
      int left = step;
      const auto die = [&](std::string_view) {
        if (left-- == 0) {
          _exit(42);
        }
      };
      Box box(*ConfigEngine::open({folder_ + "/work", "t", test::schema(), {}, {&a_, &b_}, {}, {}, die}));
      (void)box.set(Words{"system", "hostname", "new"});
      _exit(box.commit("ann", "").changed ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    died = WEXITSTATUS(status) == 42;
    auto engine = ConfigEngine::open({folder_ + "/work", "t", test::schema(), {}, {&a_, &b_}});
    ASSERT_TRUE(engine.ok());
    const std::string found = hostname((*engine)->running());
    EXPECT_TRUE(found == "old" || found == "new") << "step " << step << ": " << found;
    EXPECT_TRUE((*engine)->alarms().empty());
    saw_old = saw_old || found == "old";
    saw_new = saw_new || found == "new";
    (*engine)->apply_running();
    EXPECT_EQ(a_.live, found);
    EXPECT_FALSE(fs::exists(folder_ + "/work/journal.json"));
    EXPECT_EQ((*engine)->history().size(), (*engine)->generation() + 1);
    Box box(std::move(*engine));
    name(box, "later");
    EXPECT_TRUE(box.commit("ann", "").changed);
  }
  EXPECT_GT(step, 8);
  EXPECT_TRUE(saw_old && saw_new);
}

Confirm within(int64_t milliseconds) {
  Confirm out;
  out.deadline = boot_clock_ms() + milliseconds;
  out.boot_id = boot_id();
  out.until = "soon";
  out.user = "ann";
  return out;
}

TEST_F(Transaction, AConfirmedCommitStaysAndAnUnconfirmedOneGoesBack) {
  auto engine = open();
  name(engine, "old");
  ASSERT_TRUE(engine.commit("ann", "").changed);
  name(engine, "new");
  ASSERT_TRUE(engine.commit("ann", "", within(100'000)).changed);
  ASSERT_TRUE(engine->unconfirmed());
  EXPECT_EQ(engine->unconfirmed()->back_to, 1U);
  EXPECT_EQ(b_.live, "new");
  const auto confirmed = engine.commit("ann", "");
  EXPECT_TRUE(confirmed.confirmed && !confirmed.changed);
  EXPECT_FALSE(engine->unconfirmed());
  EXPECT_FALSE(open()->unconfirmed());

  name(engine, "third");
  ASSERT_TRUE(engine.commit("ann", "", within(100'000)).changed);
  name(engine, "fourth");
  ASSERT_TRUE(engine.commit("ann", "", within(100'000)).changed) << "waits on, for both";
  EXPECT_EQ(engine->unconfirmed()->back_to, 2U);
  const auto reverted = engine->revert("was not confirmed in time");
  EXPECT_TRUE(reverted.errors.empty());
  EXPECT_FALSE(reverted.confirmed);
  EXPECT_EQ(hostname(engine->running()), "new");
  EXPECT_EQ(a_.live, "new");
  EXPECT_EQ(b_.live, "new");
  EXPECT_EQ(engine->history()[0].how, "confirm expired");
  EXPECT_FALSE(open()->unconfirmed());
}

TEST_F(Transaction, AnotherCommitConfirms) {
  auto engine = open();
  name(engine, "one");
  ASSERT_TRUE(engine.commit("ann", "", within(100'000)).changed);
  name(engine, "two");
  const auto done = engine.commit("bob", "");
  EXPECT_TRUE(done.changed && done.confirmed);
  EXPECT_FALSE(open()->unconfirmed());
  EXPECT_EQ(hostname(open()->running()), "two");
}

TEST_F(Transaction, GoingBackWorksWhenABackendRefuses) {
  auto engine = open();
  name(engine, "old");
  ASSERT_TRUE(engine.commit("ann", "").changed);
  name(engine, "new");
  ASSERT_TRUE(engine.commit("ann", "", within(100'000)).changed);
  a_.fail_at = "publish";
  const auto reverted = engine->revert("was not confirmed in time");
  EXPECT_EQ(hostname(engine->running()), "old");
  EXPECT_EQ(b_.live, "old");
  EXPECT_FALSE(engine->alarms().empty());
  EXPECT_FALSE(engine->unconfirmed());
  a_.fail_at.clear();
  auto again = open();
  EXPECT_EQ(hostname(again->running()), "old");
  EXPECT_FALSE(again->unconfirmed());
}

TEST_F(Transaction, WhoStartsAfterTheDeadlineOrARebootGoesBackFirst) {
  for (const bool rebooted : {false, true}) {
    fs::remove_all(folder_ + "/state");
    {
      auto engine = open();
      name(engine, "old");
      ASSERT_TRUE(engine.commit("ann", "").changed);
      name(engine, "new");
      Confirm confirm = within(rebooted ? 100'000 : -1);
      confirm.boot_id = rebooted ? "another" : confirm.boot_id;
      ASSERT_TRUE(engine.commit("ann", "", confirm).changed);
    }
    a_.live = b_.live = "new";
    log_.clear();
    auto engine = open();
    EXPECT_EQ(hostname(engine->running()), "old");
    EXPECT_EQ(engine->generation(), 3U);
    EXPECT_EQ(engine->history()[0].how, "confirm expired");
    engine->apply_running();
    EXPECT_EQ(a_.live, "old");
    EXPECT_EQ(open()->generation(), 3U) << "once";
  }
}

TEST_F(Transaction, AFailedConfirmedCommitLeavesNothingWaiting) {
  auto engine = open();
  name(engine, "old");
  ASSERT_TRUE(engine.commit("ann", "").changed);
  b_.fail_at = "confirm";
  name(engine, "new");
  EXPECT_FALSE(engine.commit("ann", "", within(100'000)).errors.empty());
  EXPECT_FALSE(engine->unconfirmed());
  EXPECT_FALSE(open()->unconfirmed());
  EXPECT_EQ(open()->generation(), 1U);
}

/// As above, with a commit that is to be confirmed: whoever starts next finds the old or the new one, and the new one
/// never without its deadline.
TEST_F(Transaction, APowerCutNeverLosesTheDeadline) {
  {
    auto engine = open();
    name(engine, "old");
    ASSERT_TRUE(engine.commit("ann", "").changed);
  }
  bool died = true;
  int step = 0;
  for (; died && step < 100; step++) {
    fs::remove_all(folder_ + "/work");
    fs::copy(folder_ + "/state", folder_ + "/work", fs::copy_options::recursive);
    const pid_t child = fork();
    if (child == 0) {
      int left = step;
      const auto die = [&](std::string_view) {
        if (left-- == 0) {
          _exit(42);
        }
      };
      Box box(*ConfigEngine::open({folder_ + "/work", "t", test::schema(), {}, {&a_, &b_}, {}, {}, die}));
      name(box, "new");
      _exit(box.commit("ann", "", within(100'000)).changed ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    died = WEXITSTATUS(status) == 42;
    const auto engine = *ConfigEngine::open({folder_ + "/work", "t", test::schema(), {}, {&a_, &b_}});
    const std::string found = hostname(engine->running());
    EXPECT_TRUE(found == "old" || found == "new") << "step " << step << ": " << found;
    EXPECT_EQ(engine->unconfirmed().has_value(), found == "new") << "step " << step;
  }
  EXPECT_GT(step, 12);
}

TEST_F(Transaction, RescueAndScheduleAreKept) {
  auto engine = open();
  EXPECT_FALSE(engine->rescue().ok());
  name(engine, "good");
  ASSERT_TRUE(engine.commit("ann", "").changed);
  ASSERT_TRUE(engine->save_rescue().ok());
  name(engine, "bad-idea");
  ASSERT_TRUE(engine.commit("ann", "").changed);
  name(engine, "tonight");
  ASSERT_TRUE(engine
                  ->schedule(Scheduled{4'000'000'000, "ann", "why", engine.candidate().to_json(Secrets::clear),
                                       engine.editing.base.to_json(Secrets::clear), engine.editing.generation})
                  .ok());
  auto again = open();
  EXPECT_EQ(hostname(*again->rescue()), "good");
  ASSERT_TRUE(again->scheduled());
  EXPECT_EQ(again->scheduled()->comment, "why");
  auto candidate = again->candidate_of(*again->scheduled());
  ASSERT_TRUE(candidate.ok());
  EXPECT_EQ(hostname(candidate->tree), "tonight");
  EXPECT_EQ(hostname(candidate->base), "bad-idea");
  ASSERT_TRUE(again->schedule(std::nullopt).ok());
  EXPECT_FALSE(open()->scheduled());
}

TEST_F(Transaction, AnOlderFormatIsMigrated) {
  fs::create_directories(folder_ + "/state");
  std::ofstream(folder_ + "/state/running.json")
      << R"({"format":1,"generation":7,"time":"","user":"","comment":"","config":{"box":{"name":"one"}}})";
  std::vector<void (*)(Json&)> migrations{[](Json& config) {
                                            config["system"]["hostname"] = config["box"]["name"];
                                            config.erase("box");
                                          },
                                          [](Json& config) {
                                            config["interface"] = {{{"name", "e0"}}};
                                          }};
  auto engine = open({}, migrations);
  EXPECT_TRUE(engine->alarms().empty());
  EXPECT_EQ(hostname(engine->running()), "one");
  EXPECT_EQ(engine->running().to_json(Secrets::clear)["interface"].size(), 1U);
  name(engine, "two");
  ASSERT_TRUE(engine.commit("ann", "").changed);
  auto again = open({}, migrations);
  EXPECT_EQ(hostname(again->running()), "two") << "not migrated twice";
  ASSERT_TRUE(again.rollback(1));
  EXPECT_EQ(hostname(again.candidate()), "one") << "history is migrated too";
}

/// Random edits, commits and rollbacks: going back to a commit gives exactly what it was, and the files say the same.
TEST_F(Transaction, RollbackRestoresExactly) {
  const std::vector<std::string> lines{"system hostname a",
                                       "system hostname b",
                                       "interface e0 mtu 1400",
                                       "interface e0 mtu 1500",
                                       "interface e0 description x",
                                       "interface e1 address 192.0.2.1/24",
                                       "interface e1 address 192.0.2.2/24",
                                       "route 10.0.0.0/8 blackhole",
                                       "route 10.0.0.0/8 via 192.0.2.9",
                                       "bgp asn 65000",
                                       "bgp peer a remote-as 64500",
                                       "bgp peer a neighbor 192.0.2.9"};
  const std::vector<std::string> gone{"interface e0", "interface e1 address 192.0.2.1/24", "route", "system",
                                      "bgp peer a"};
  std::mt19937 dice(7);
  std::vector<std::string> states;  // newest last
  auto engine = open();
  states.push_back(*engine->running().set_lines({}, Secrets::clear));
  for (int round = 0; round < 120; round++) {
    for (unsigned edits = 1 + dice() % 4; edits > 0; edits--) {
      if (dice() % 4 == 0) {
        (void)engine.editing.tree.remove(*split_words(gone[dice() % gone.size()]));
      } else {
        ASSERT_TRUE(engine.set(*split_words(lines[dice() % lines.size()])).ok());
      }
    }
    if (dice() % 3 == 0) {
      const size_t back = dice() % std::min<size_t>(states.size(), 50);
      ASSERT_TRUE(engine.rollback(back));
      ASSERT_EQ(*engine.candidate().set_lines({}, Secrets::clear), states[states.size() - 1 - back])
          << "round " << round;
    }
    const auto done = engine.commit("ann", "");
    if (!done.errors.empty()) {  // YANG has something against this mixture
      engine.editing = engine->fork();
      continue;
    }
    if (done.changed) {
      states.push_back(*engine->running().set_lines({}, Secrets::clear));
    }
    ASSERT_EQ(*engine->running().set_lines({}, Secrets::clear), states.back());
    if (round % 40 == 0) {
      ASSERT_EQ(*open()->running().set_lines({}, Secrets::clear), states.back()) << "on disk";
    }
  }
  EXPECT_GT(states.size(), 40U);
}

}  // namespace
}  // namespace floof::config
