// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/editors.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

namespace floof::config {
namespace {

class EditorsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/floof-editors-XXXXXX";
    folder_ = mkdtemp(name);
    auto engine = ConfigEngine::open({folder_, "t", *Schema::load(embedded_modules()), {}, {}});
    ASSERT_TRUE(engine.ok());
    engine_ = std::move(*engine);
    editors_.emplace(*engine_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

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

  std::string folder_;
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
  set(2, "system hostname b");
  EXPECT_EQ(editors_->end(2).size(), 1U) << "says that the changes are gone";
  EXPECT_EQ(seen(99), "");
  EXPECT_TRUE(begin(4, "eve", EditMode::shared).ok());
}

}  // namespace
}  // namespace floof::config
