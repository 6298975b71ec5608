// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text/json_lists.h"

#include <gtest/gtest.h>

namespace floof {
namespace {

using Json = nlohmann::json;

/// What is read of "data" and "a/b": entries by list, and the head.
Json read(const std::string& text) {
  Json out = {{"data", Json::array()}, {"a/b", Json::array()}};
  JsonLists lists;
  for (const char* path : {"data", "a/b"}) {
    lists.on(path, [&out, path](const Json& entry) {
      out[path].push_back(entry);
      return !entry.contains("wrong");
    });
  }
  if (!lists.read(text)) {
    return nullptr;
  }
  out["head"] = lists.head();
  out["found"] = lists.found("data");
  return out;
}

TEST(JsonLists, ReadsFlatEntriesWhereverTheyStand) {
  EXPECT_EQ(
      read(R"({"version":1,"x":[[1],{"data":[{"no":1}]}],"a":{"data":[{"no":2}],"b":[{"k":"v","n":-1,"deep":{"k":2}},
                    {"f":1.5,"t":true,"list":[{"k":1},[2]],"none":null}],"c":{"b":[{"no":3}]}},"data":[],"last":"x"})"),
      Json::parse(R"({"data":[],"a/b":[{"k":"v","n":-1},{"f":1.5,"t":true,"none":null}],
                            "head":{"version":1,"last":"x"},"found":true})"));
  EXPECT_EQ(read(R"({"data":{"data":[{"no":1}]}})"), Json::parse(R"({"data":[],"a/b":[],"head":{},"found":false})"));
  EXPECT_EQ(read(R"({"data":[{"a":{"b":[{"no":1}]}},{"k":1}]})")["data"], Json::parse(R"([{},{"k":1}])"));
}

TEST(JsonLists, RefusesWhatIsNoSuchText) {
  for (const char* bad : {"", "1", "[]", "[{}]", "{", R"({"data":[1]})", R"({"data":[[]]})", R"({"data":[{}]} x)",
                          R"({"data":[{"wrong":1}]})", R"({"data":[{})", "{\"data\":[{\"k\":\"\xff\"}]}"}) {
    EXPECT_EQ(read(bad), nullptr) << bad;
  }
}

TEST(JsonLists, IsBoundedByNothingThatStandsThere) {
  EXPECT_EQ(read(std::string(1000000, '[')), nullptr);
  EXPECT_EQ(read(R"({"x":)" + std::string(1000000, '[')), nullptr);
  std::string objects, members = "{\"data\":[{\"k\":0";
  for (int i = 0; i < 1000; i++) {
    objects += "{\"data\":";
    members += ",\"k" + std::to_string(i) + "\":1";
  }
  EXPECT_EQ(read(objects), nullptr);
  EXPECT_EQ(read(members + "}]}"), nullptr);
  const std::string text(100000, 'x');
  EXPECT_EQ(read(R"({"data":[{"k":")" + text + R"("}]})")["data"][0]["k"], text.substr(0, 4096));
}

}  // namespace
}  // namespace floof
