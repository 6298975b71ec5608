// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/editors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/test_folder.h"

namespace floof::config {
namespace {

class EditorsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto engine = ConfigEngine::open({folder_, "t", *Schema::load(embedded_modules()), {}, {}});
    ASSERT_TRUE(engine.ok());
    engine_ = std::move(*engine);
    start();
  }
  /// As floofd does it, also after it died.
  void start() { editors_.emplace(*engine_, folder_ + "/drafts"); }
  std::vector<std::string> files() const {
    std::vector<std::string> out;
    if (std::filesystem::exists(folder_ + "/drafts")) {
      for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/drafts")) {
        out.push_back(entry.path().filename().string());
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  Result<std::vector<std::string>> begin(uint64_t who, const char* user, EditMode mode) {
    return editors_->begin(who, {user, "noon", static_cast<pid_t>(who), mode});
  }
  void set(uint64_t who, std::string_view line) {
    ASSERT_TRUE(editors_->candidate(who).tree.set(*split_words(line)).ok());
  }
  std::vector<Error> commit(uint64_t who, const char* user = "ann") {
    return engine_->commit(editors_->candidate(who), {user}).errors;
  }
  std::string seen(uint64_t who) { return *editors_->candidate(who).tree.set_lines({}, Secrets::clear); }

  const TestFolder made_;
  const std::string folder_ = made_.path();
  std::unique_ptr<ConfigEngine> engine_;
  std::optional<Editors> editors_;
};

TEST_F(EditorsTest, TheSharedCandidateIsSeenByAllAndTheyAreTold) {
  EXPECT_TRUE(begin(1, "ann", EditMode::shared)->empty());
  set(1, "system hostname a");
  const auto notes = begin(2, "bob", EditMode::shared);
  ASSERT_EQ(notes->size(), 2U);
  EXPECT_EQ((*notes)[0], "ann (pid 1) edits the configuration too, shared, since noon");
  EXPECT_EQ(seen(2), "set system hostname a\n");
  EXPECT_EQ(seen(99), seen(1)) << "also by scripts";
  EXPECT_TRUE(editors_->end(1).empty());
  EXPECT_EQ(seen(2), "set system hostname a\n") << "kept";
}

TEST_F(EditorsTest, PrivateChangesAreOnesOwnAndSurviveTheSession) {
  ASSERT_TRUE(begin(1, "ann", EditMode::privately).ok());
  ASSERT_TRUE(begin(2, "bob", EditMode::privately).ok());
  set(1, "system hostname a");
  EXPECT_EQ(seen(2), "");
  EXPECT_EQ(seen(99), "");
  editors_->end(1);
  const auto notes = begin(3, "ann", EditMode::privately);
  EXPECT_EQ(seen(3), "set system hostname a\n");
  EXPECT_EQ(notes->back(), "your private changes of an earlier session are still here; 'discard' forgets them");
}

TEST_F(EditorsTest, CommitsOfOthersComeInAndConflictsAreRefused) {
  ASSERT_TRUE(begin(1, "ann", EditMode::privately).ok());
  ASSERT_TRUE(begin(2, "bob", EditMode::privately).ok());
  set(1, "system hostname a");
  set(2, "interface e0 mtu 1400");
  ASSERT_TRUE(commit(2, "bob").empty());
  EXPECT_EQ(seen(1), "set system hostname a\nset interface e0 mtu 1400\n");
  set(2, "system hostname b");
  ASSERT_TRUE(commit(2, "bob").empty());
  const auto errors = commit(1);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].text(),
            "system hostname: you have \"set system hostname a\", bob has \"set system hostname b\"; 'update' keeps "
            "yours and takes over everything else, 'discard' forgets yours");
  EXPECT_EQ(engine_->running().to_json(Secrets::clear)["system"]["hostname"], "b");
  EXPECT_EQ(engine_->update(editors_->candidate(1))->size(), 1U);
  EXPECT_TRUE(commit(1).empty());
  EXPECT_EQ(engine_->running().to_json(Secrets::clear)["system"]["hostname"], "a");
  EXPECT_EQ(seen(2), "set system hostname a\nset interface e0 mtu 1400\n") << "an unchanged candidate follows";
}

TEST_F(EditorsTest, ExclusiveKeepsOthersOut) {
  ASSERT_TRUE(begin(1, "ann", EditMode::shared).ok());
  EXPECT_FALSE(begin(2, "bob", EditMode::exclusive).ok()) << "ann is in";
  set(1, "system hostname a");
  editors_->end(1);
  EXPECT_FALSE(begin(2, "bob", EditMode::exclusive).ok()) << "uncommitted changes";
  editors_->candidate(1) = engine_->fork();
  ASSERT_TRUE(begin(2, "bob", EditMode::exclusive).ok());
  EXPECT_FALSE(begin(3, "eve", EditMode::shared).ok());
  EXPECT_FALSE(editors_->may_change(3).ok());
  EXPECT_TRUE(editors_->may_change(2).ok());
  EXPECT_TRUE(begin(3, "eve", EditMode::privately).ok());
  EXPECT_TRUE(editors_->may_change(3).ok());
  EXPECT_TRUE(editors_->may_commit(2).ok());
  for (const Editors::Who who : {3U, 99U}) {
    ASSERT_FALSE(editors_->may_commit(who).ok());
    EXPECT_EQ(editors_->may_commit(who).error().text(),
              "commit: bob (pid 2) has the configuration exclusively since noon; wait; root commits anyway with "
              "'commit force'");
  }
  set(2, "system hostname b");
  EXPECT_EQ(editors_->end(2).size(), 1U) << "says that the changes are gone";
  EXPECT_EQ(seen(99), "");
  EXPECT_TRUE(begin(4, "eve", EditMode::shared).ok());
  EXPECT_TRUE(editors_->may_commit(3).ok());
}

using Strings = std::vector<std::string>;

TEST_F(EditorsTest, WhatIsNotCommittedOutlivesFloofd) {
  ASSERT_TRUE(begin(1, "ann", EditMode::shared).ok());
  ASSERT_TRUE(begin(2, "bob", EditMode::privately).ok());
  ASSERT_TRUE(begin(3, "bob", EditMode::privately).ok());
  set(1, "system hostname shared");
  set(2, "system hostname bobs");
  set(3, "interface e1 mtu 1400");
  editors_->save();
  EXPECT_EQ(files(), Strings()) << "a moment later";
  editors_->save(true);
  EXPECT_EQ(files(), (Strings{"private-1.json", "private-2.json", "shared.json"}));
  for (const std::string& name : files()) {
    EXPECT_EQ(std::filesystem::status(folder_ + "/drafts/" + name).permissions(), std::filesystem::perms(0600)) << name;
  }
  start();
  EXPECT_EQ(seen(99), "set system hostname shared\n");
  EXPECT_NE(begin(1, "ann", EditMode::shared)->back().find("not committed, kept since 20"), std::string::npos);
  EXPECT_NE(begin(4, "bob", EditMode::privately)->back().find("still here, kept since 20"), std::string::npos);
  ASSERT_TRUE(begin(5, "bob", EditMode::privately).ok());
  EXPECT_EQ(seen(4) + seen(5), "set interface e1 mtu 1400\nset system hostname bobs\n");
  ASSERT_TRUE(begin(6, "eve", EditMode::privately).ok());
  EXPECT_EQ(seen(6), "") << "nobody gets another's";
  ASSERT_TRUE(commit(4, "bob").empty());
  editors_->candidate(1) = engine_->fork();
  editors_->save();
  EXPECT_EQ(files(), Strings{"private-1.json"}) << "what was committed and discarded is gone at once";
}

TEST_F(EditorsTest, RestoredChangesMeetWhatWasCommittedSince) {
  ASSERT_TRUE(begin(1, "ann", EditMode::privately).ok());
  set(1, "system hostname a");
  set(1, "interface e0 mtu 1400");
  editors_->save(true);
  Candidate theirs = engine_->fork();
  ASSERT_TRUE(theirs.tree.set(*split_words("interface e9 mtu 9000")).ok());
  ASSERT_TRUE(engine_->commit(theirs, {"bob"}).errors.empty());
  start();
  ASSERT_TRUE(begin(2, "ann", EditMode::privately).ok());
  EXPECT_EQ(seen(2), "set system hostname a\nset interface e0 mtu 1400\nset interface e9 mtu 9000\n");
  editors_->save(true);
  ASSERT_TRUE(theirs.tree.set(*split_words("system hostname b")).ok());
  ASSERT_TRUE(engine_->commit(theirs, {"bob"}).errors.empty());
  start();
  ASSERT_TRUE(begin(3, "ann", EditMode::privately).ok());
  const auto errors = commit(3);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_NE(errors[0].text().find("bob has \"set system hostname b\""), std::string::npos) << errors[0].text();
}

TEST_F(EditorsTest, ACommitThatCameBeforeTheEndIsNotThereTwice) {
  ASSERT_TRUE(begin(1, "ann", EditMode::privately).ok());
  set(1, "system hostname a");
  editors_->save(true);
  ASSERT_TRUE(commit(1).empty());  // and floofd dies before it removes the file
  start();
  EXPECT_TRUE(begin(2, "bob", EditMode::privately).ok());
  editors_->save();
  EXPECT_EQ(files(), Strings());
}

TEST_F(EditorsTest, ExclusiveChangesComeBackToTheirOwner) {
  ASSERT_TRUE(begin(1, "ann", EditMode::exclusive).ok());
  set(1, "system hostname a");
  editors_->save(true);
  EXPECT_EQ(files(), Strings{"exclusive.json"});
  start();
  EXPECT_EQ(seen(99), "") << "not to others";
  ASSERT_TRUE(begin(2, "ann", EditMode::exclusive).ok());
  EXPECT_EQ(seen(2), "set system hostname a\n");
  start();
  ASSERT_TRUE(begin(3, "bob", EditMode::exclusive).ok());
  EXPECT_EQ(seen(3), "");
  editors_->save();
  EXPECT_EQ(files(), Strings()) << "bob's session has ended ann's";
}

TEST_F(EditorsTest, ADamagedFileIsAnAlarmAndNothingElse) {
  ASSERT_TRUE(begin(1, "ann", EditMode::privately).ok());
  set(1, "system hostname a");
  set(99, "system hostname shared");
  editors_->save(true);
  const auto write = [&](const char* name, const char* text) {
    std::ofstream(folder_ + "/drafts/" + name, std::ios::trunc) << text;
  };
  write("shared.json", "{\"user\":");
  write("private-7.json", R"({"user":"ann","generation":0,"base":{},"config":{"nonsense":true}})");
  write("half.json.new", "{");
  start();
  EXPECT_EQ(seen(99), "");
  ASSERT_EQ(editors_->alarms().size(), 2U);
  EXPECT_NE(editors_->alarms()[1].find("shared.json cannot be used"), std::string::npos) << editors_->alarms()[1];
  EXPECT_EQ(files(), (Strings{"private-1.json", "private-7.json.damaged", "shared.json.damaged"}));
  ASSERT_TRUE(begin(2, "ann", EditMode::privately).ok());
  EXPECT_EQ(seen(2), "set system hostname a\n");
}

TEST_F(EditorsTest, AFullDiskIsAnAlarmUntilItIsNot) {
  std::ofstream(folder_ + "/drafts") << "in the way";
  set(99, "system hostname a");
  editors_->save(true);
  ASSERT_EQ(editors_->alarms().size(), 1U);
  std::filesystem::remove(folder_ + "/drafts");
  set(99, "system hostname b");
  editors_->save(true);
  EXPECT_TRUE(editors_->alarms().empty());
  EXPECT_EQ(files(), Strings{"shared.json"});
}

}  // namespace
}  // namespace floof::config
