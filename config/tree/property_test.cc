// SPDX-License-Identifier: GPL-3.0-or-later
//
// Random edits with every verb, committed to a real engine: going back to a commit gives exactly what it was, each
// print loads back, a patch of two states leads from one to the other, and backends are asked for what the plan has
// said.
#include <gtest/gtest.h>

#include <random>

#include "base/test_folder.h"
#include "config/access/secret.h"
#include "config/test_support.h"
#include "config/transaction.h"

namespace floof::config {
namespace {

/// Applies leafs as its plan says, so that plan and deed can be compared.
class Recorder : public Backend {
 public:
  std::string_view name() const override { return "recorder"; }
  std::vector<Error> stage(const SharedJson&, const SharedJson& desired, bool) override {
    staged_ = (*desired).value("config", Json::object()).flatten();
    return {};
  }
  std::vector<PlanStep> plan() override {
    std::vector<PlanStep> out;
    for (const std::string& what : difference()) {
      out.push_back({"recorder", what, ""});
    }
    return out;
  }
  std::vector<Error> publish() override {
    done = difference();
    before_ = live;
    live = staged_;
    return {};
  }
  std::vector<Error> confirm() override { return {}; }
  void undo() override { live = before_; }
  void abort() override { staged_ = Json::object(); }

  std::vector<std::string> done;
  Json live = Json::object().flatten();

 private:
  std::vector<std::string> difference() const {
    std::vector<std::string> out;
    for (const auto& [path, value] : staged_.items()) {
      if (!live.contains(path) || live[path] != value) {
        out.push_back(path + " = " + value.dump());
      }
    }
    for (const auto& [path, value] : live.items()) {
      if (!staged_.contains(path)) {
        out.push_back(path + " gone");
      }
    }
    return out;
  }
  Json staged_ = Json::object(), before_ = Json::object();
};

const std::vector<std::string> kEdits{
    "set system hostname a",
    "set system hostname b",
    "set system login user ann class operator",
    "set interface e0 mtu 1400",
    "set interface e0 mtu 1500",
    "set interface e0 description \"two \\\"words\\\" \\\\ and\\nlines\"",
    "set interface e1 address [ 192.0.2.1/24 192.0.2.2/24 2001:db8::1/64 ]",
    "set interface e1 device null",
    "set interface e2 disabled",
    "set route 10.0.0.0/8 blackhole",
    "set route 10.0.0.0/8 via 192.0.2.9",
    "set bgp asn 65000",
    "set bgp peer a remote-as 64500",
    "set bgp peer a neighbor 192.0.2.9",
    "set bgp peer a password swordfish",
    "set bgp peer a password \"an other\"",
    "set bgp policy p import accept all",
    "set bgp policy p import local-pref 50",
    "set bgp policy q import accept all",
    "set bgp peer a policy [ p ]",
    "set bird raw \"protocol x {\\n}\"",
    "set bird raw \"# last\"",
    "set groups g interface <*> mtu 9000",
    "set apply-groups g",
    "delete interface e0",
    "delete interface e1 address 192.0.2.1/24",
    "delete route",
    "delete system",
    "delete bgp peer a",
    "delete bird",
    "delete groups",
    "delete apply-groups",
    "annotate interface e0 \"mind */ this\"",
    "annotate bgp \"\"",
    "annotate bgp peers",
    "annotate bgp peer a \"the first\"",
    "deactivate interface e0",
    "activate interface e0",
    "deactivate bgp peer a neighbor",
    "activate bgp peer a neighbor",
    "deactivate route",
    "activate route",
    "copy interface e0 to e7",
    "rename interface e7 to e8",
    "rename bgp policy p to r",
    "rename bgp policy r to p",
    "insert bird raw \"# last\" before \"protocol x {\\n}\"",
};

class Property : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    box_ = *SecretBox::load(folder_ + "/box.key");
    schema_ = *Schema::load(embedded_modules(), box_->codec());
  }

  std::unique_ptr<ConfigEngine> open() {
    static const Feature everything{"test", nullptr,
                                    [](const Json& config, Json& desired) { desired["config"] = config; }, nullptr};
    auto engine = ConfigEngine::open({folder_ + "/state", "t", schema_, {&everything}, {&recorder_}});
    EXPECT_TRUE(engine.ok());
    return std::move(*engine);
  }

  void round_trips(const Tree& tree) const {
    for (const Secrets secrets : {Secrets::clear, Secrets::encrypted}) {
      const std::pair<TextFormat, std::string> prints[] = {
          {TextFormat::set, *tree.set_lines({}, secrets)},
          {TextFormat::curly, *tree.curly({}, secrets)},
          {TextFormat::json, tree.to_json(secrets).dump()},
          {TextFormat::xml, *tree.xml({}, secrets)},
      };
      for (const auto& [format, text] : prints) {
        const Loaded back = load(Tree(schema_), text, format, LoadMode::override);
        ASSERT_TRUE(back.errors.empty()) << back.errors[0].text() << "\n" << text;
        ASSERT_TRUE(back.tree == tree) << text << "\nbecame\n" << *back.tree.set_lines({}, secrets);
      }
    }
  }

  void patch_leads_to(const Tree& before, const Tree& after) const {
    const std::string text = compare(before, after, Secrets::encrypted);
    const Loaded patched = load(before, text, TextFormat::curly, LoadMode::patch);
    ASSERT_TRUE(patched.errors.empty()) << patched.errors[0].text() << "\n" << text;
    ASSERT_EQ(*patched.tree.set_lines({}, Secrets::clear), *after.set_lines({}, Secrets::clear)) << text;
  }

  const TestFolder made_;
  const std::string folder_ = made_.path();
  std::optional<SecretBox> box_;
  std::shared_ptr<const Schema> schema_;
  Recorder recorder_;
};

TEST_P(Property, HistoryFormsAndPlanHold) {
  std::mt19937 dice(GetParam());
  auto engine = open();
  engine->apply_running();
  std::vector<Tree> states{engine->running()};
  Candidate editing = engine->fork();
  for (int round = 0; round < 90; round++) {
    for (unsigned edits = 1 + dice() % 6; edits > 0; edits--) {
      (void)editing.tree.edit(*split_words(kEdits[dice() % kEdits.size()]));  // many do not fit: then nothing changes
    }
    if (dice() % 4 == 0) {
      const size_t back = dice() % std::min<size_t>(states.size(), Store::kHistory);
      editing.tree = *engine->earlier(back);
      ASSERT_TRUE(editing.tree == states[states.size() - 1 - back]) << "round " << round << ", rollback " << back;
    }
    round_trips(editing.tree);
    patch_leads_to(states.back(), editing.tree);
    if (HasFatalFailure()) {
      FAIL() << "round " << round;
    }
    const auto plan = engine->plan(editing);
    const Json before = recorder_.live;
    const auto done = engine->commit(editing, {"ann"});
    ASSERT_EQ(plan.errors.empty(), done.errors.empty()) << "round " << round;
    if (!done.errors.empty()) {
      ASSERT_EQ(recorder_.live, before);
      editing = engine->fork();
      continue;
    }
    if (done.changed) {
      states.push_back(engine->running());
      std::vector<std::string> planned;
      for (const PlanStep& step : plan.steps) {
        planned.push_back(step.what);
      }
      ASSERT_EQ(planned, recorder_.done) << "round " << round;
    }
    if (dice() % 3 == 0) {  // data were fetched anew: no number moves
      Candidate same = engine->fork();
      ASSERT_TRUE(engine->commit(same, {.user = "floofd", .how = "refresh", .even_if_unchanged = true}).changed);
      ASSERT_TRUE(recorder_.done.empty()) << "round " << round;
    }
  }
  ASSERT_GT(states.size(), 30U);
  // All that the history has, also after a restart.
  const auto again = open();
  for (size_t back = 0; back < std::min<size_t>(states.size(), Store::kHistory); back++) {
    ASSERT_TRUE(*again->earlier(back) == states[states.size() - 1 - back]) << "rollback " << back;
  }
  ASSERT_FALSE(again->earlier(Store::kHistory).ok());
}

INSTANTIATE_TEST_SUITE_P(Dice, Property, testing::Values(1U, 2U, 3U, 4U));

}  // namespace
}  // namespace floof::config
