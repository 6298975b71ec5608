// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/rpki/rtr.h"

#include <gtest/gtest.h>

namespace floof::rpki::rtr {
namespace {

using Heard = Session::Heard;

Vrp vrp(const char* prefix, uint8_t most, uint32_t asn) { return {*parse_prefix(prefix), most, asn}; }

std::vector<uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

std::string prefixes(std::initializer_list<Change> changes, uint8_t version = 1) {
  std::string out;
  for (const Change& change : changes) {
    append_prefix(out, version, change.announce, change.vrp);
  }
  return out;
}

const Vrp kA = vrp("192.0.2.0/24", 24, 64500), kB = vrp("2001:db8::/32", 48, 64501), kC = vrp("10.0.0.0/8", 9, 0);

/// What the session makes of the bytes, one event after the other.
Result<Heard> tell(Session& session, const std::string& text) {
  std::vector<uint8_t> bytes = bytes_of(text);
  auto out = session.hear(bytes);
  EXPECT_TRUE(!out || bytes.empty());
  return out;
}

Session with(std::initializer_list<Change> changes) {
  Session session;
  session.connected();
  EXPECT_EQ(session.question(), reset_query(1));
  EXPECT_EQ(*tell(session, cache_response(1, 7) + prefixes(changes) + end_of_data(1, 7, 40, {})), Heard::answer);
  return session;
}

TEST(Rtr, MessagesAreReadAsTheyWereWritten) {
  std::string text;
  append_prefix(text, 1, true, kB);
  const auto six = read(bytes_of(text));
  ASSERT_TRUE(six && six->pdu);
  EXPECT_EQ(six->size, 32U);
  EXPECT_EQ(six->pdu->vrp, kB);
  EXPECT_TRUE(six->pdu->announce);
  const auto notify = read(bytes_of(serial_notify(0, 9, 0x01020304)));
  ASSERT_TRUE(notify && notify->pdu);
  EXPECT_EQ(notify->pdu->number, 9);
  EXPECT_EQ(notify->pdu->serial, 0x01020304U);
  const auto error = read(bytes_of(error_report(1, ErrorCode::no_data_available, "wait\n")));
  ASSERT_TRUE(error && error->pdu);
  EXPECT_EQ(error->pdu->text, "wait.");
  for (const std::string& whole : {text, end_of_data(1, 1, 1, {}), error_report(1, ErrorCode::corrupt_data, "x")}) {
    for (size_t size = 0; size < whole.size(); size++) {
      const auto half = read(std::span(reinterpret_cast<const uint8_t*>(whole.data()), size));
      ASSERT_TRUE(half.ok());
      EXPECT_FALSE(half->pdu);
    }
  }
}

TEST(Rtr, WhatIsNoMessageIsAnError) {
  const auto changed = [](std::string text, size_t at, char to) {
    text[at] = to;
    return bytes_of(text);
  };
  const std::string prefix = prefixes({{kA, true}});
  EXPECT_FALSE(read(changed(prefix, 0, 2)).ok());                    // version
  EXPECT_FALSE(read(changed(prefix, 1, 5)).ok());                    // type
  EXPECT_FALSE(read(changed(prefix, 7, 21)).ok());                   // length
  EXPECT_FALSE(read(changed(prefix, 4, '\x80')).ok());               // 2 GiB
  EXPECT_FALSE(read(changed(prefix, 9, 25)).ok());                   // longer than its most
  EXPECT_FALSE(read(changed(prefix, 10, 33)).ok());                  // most of 33 bits
  EXPECT_FALSE(read(changed(prefix, 15, 1)).ok());                   // bits behind its length
  EXPECT_FALSE(read(changed(end_of_data(1, 1, 1, {}), 0, 0)).ok());  // of the other version
  EXPECT_FALSE(read(bytes_of("HTTP/1.1 400 Bad Request\r\n")).ok());
}

TEST(Rtr, ChangesAreAppliedInOrder) {
  EXPECT_EQ(*after({}, {{kB, true}, {kA, true}}), (Vrps{kA, kB}));
  EXPECT_EQ(*after({kA}, {{kA, false}, {kC, true}}), (Vrps{kC}));
  EXPECT_EQ(*after({kA}, {{kA, false}, {kA, true}}), (Vrps{kA}));
  EXPECT_EQ(*after({kA, kB}, {}), (Vrps{kA, kB}));
  EXPECT_FALSE(after({kA}, {{kA, true}}).ok());
  EXPECT_FALSE(after({}, {{kA, true}, {kA, true}}).ok());
  EXPECT_FALSE(after({kB}, {{kA, false}}).ok());
}

TEST(Rtr, EverythingFirstAndThenDifferences) {
  Session session = with({{kA, true}, {kB, true}});
  EXPECT_EQ(session.payloads()->vrps, (Vrps{kA, kB}));
  EXPECT_EQ(*tell(session, serial_notify(1, 7, 40)), Heard::nothing);
  EXPECT_EQ(*tell(session, serial_notify(1, 7, 41)), Heard::notify);
  EXPECT_EQ(session.question(), serial_query(1, 7, 40));
  EXPECT_EQ(*tell(session, cache_response(1, 7) + prefixes({{kA, false}, {kC, true}}) + end_of_data(1, 7, 41, {})),
            Heard::answer);
  EXPECT_EQ(session.payloads()->vrps, (Vrps{kC, kB}));
  const auto before = session.payloads();
  EXPECT_EQ(session.question(), serial_query(1, 7, 41));
  EXPECT_EQ(*tell(session, cache_response(1, 7) + end_of_data(1, 7, 41, {})), Heard::answer);
  EXPECT_EQ(session.payloads(), before);  // the very same: nobody compares half a million
}

TEST(Rtr, ManyNotifiesAreOne) {
  Session session = with({{kA, true}});
  std::string storm;
  for (uint32_t i = 0; i < 1000; i++) {
    storm += serial_notify(1, 7, 41 + i);
  }
  std::vector<uint8_t> bytes = bytes_of(storm);
  EXPECT_EQ(*session.hear(bytes), Heard::notify);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(*session.hear(bytes), Heard::nothing);
}

TEST(Rtr, AnswersAreTakenWholeOrNotAtAll) {
  Session session = with({{kA, true}});
  (void)session.question();
  EXPECT_EQ(*tell(session, cache_response(1, 7) + prefixes({{kB, true}})), Heard::nothing);
  session.connected();
  EXPECT_EQ(session.question(), serial_query(1, 7, 40));
  EXPECT_EQ(*tell(session, cache_response(1, 7) + prefixes({{kC, true}}) + end_of_data(1, 7, 42, {})), Heard::answer);
  EXPECT_EQ(session.payloads()->vrps, (Vrps{kC, kA}));
}

TEST(Rtr, ResetsAskForEverything) {
  Session session = with({{kA, true}});
  (void)session.question();
  EXPECT_EQ(*tell(session, cache_reset(1)), Heard::reset);
  EXPECT_EQ(session.question(), reset_query(1));
  EXPECT_EQ(*tell(session, cache_response(1, 8) + prefixes({{kB, true}}) + end_of_data(1, 8, 1, {})), Heard::answer);
  EXPECT_EQ(session.payloads()->vrps, (Vrps{kB}));
}

TEST(Rtr, ResetsDoNotGoOnForever) {
  Session session = with({{kA, true}});
  (void)session.question();
  EXPECT_EQ(*tell(session, cache_reset(1)), Heard::reset);
  (void)session.question();
  EXPECT_FALSE(tell(session, cache_reset(1)).ok());
}

TEST(Rtr, NonsenseEndsTheConnectionAndAsksForEverything) {
  const std::string response = cache_response(1, 7), end = end_of_data(1, 7, 41, {});
  for (const std::string& bad :
       {response + prefixes({{kA, true}}) + end, response + prefixes({{kB, false}}) + end, prefixes({{kB, true}}), end,
        response + response, response + cache_reset(1), cache_response(1, 8), response + end_of_data(1, 8, 41, {}),
        cache_response(0, 7), reset_query(1), serial_query(1, 7, 40),
        error_report(1, ErrorCode::internal_error, "disk")}) {
    Session session = with({{kA, true}});
    (void)session.question();
    const auto heard = tell(session, bad);
    ASSERT_FALSE(heard.ok());
    EXPECT_FALSE(heard.error().reason.empty());
    session.connected();
    EXPECT_EQ(session.question(), reset_query(1));
  }
  Session session = with({{kA, true}});
  EXPECT_FALSE(tell(session, cache_response(1, 7)).ok());  // nobody asked
}

TEST(Rtr, ALostDifferenceIsFollowedByAQuestionForEverything) {
  for (const std::string& said :
       {error_report(1, ErrorCode::corrupt_data, "session"), cache_response(1, 8), std::string()}) {
    Session session = with({{kA, true}});
    session.connected();
    EXPECT_EQ(session.question(), serial_query(1, 7, 40));
    EXPECT_EQ(tell(session, said).ok(), said.empty());
    EXPECT_TRUE(session.starts_over()) << "an error, another session, a close without an answer";
    session.connected();
    EXPECT_FALSE(session.starts_over());
    EXPECT_EQ(session.question(), reset_query(1));
    EXPECT_FALSE(session.starts_over()) << "once";
  }
  Session waiting = with({{kA, true}});
  waiting.connected();
  (void)waiting.question();
  EXPECT_FALSE(tell(waiting, error_report(1, ErrorCode::no_data_available, "")).ok());
  EXPECT_FALSE(waiting.starts_over()) << "it may come back with what we have";
}

TEST(Rtr, HalfAnAnswerBeginsNoSession) {
  Session session = with({{kA, true}});
  (void)session.question();
  EXPECT_EQ(*tell(session, cache_reset(1)), Heard::reset);
  EXPECT_EQ(session.question(), reset_query(1));
  EXPECT_EQ(*tell(session, cache_response(1, 7) + prefixes({{kB, true}})), Heard::nothing);
  session.connected();
  EXPECT_EQ(session.question(), reset_query(1)) << "its end was never heard: there is nothing to ask the changes of";
}

TEST(Rtr, CachesWithoutDataDoNotMakeUsForgetTheirs) {
  Session session = with({{kA, true}});
  (void)session.question();
  const auto heard = tell(session, error_report(1, ErrorCode::no_data_available, ""));
  ASSERT_FALSE(heard.ok());
  EXPECT_EQ(heard.error().reason, "it says: no data available");
  session.connected();
  EXPECT_EQ(session.question(), serial_query(1, 7, 40));
}

TEST(Rtr, OldCachesAreAskedInTheirVersion) {
  Session told;
  told.connected();
  (void)told.question();
  EXPECT_EQ(*tell(told, serial_notify(0, 3, 1)), Heard::nothing);
  EXPECT_EQ(*tell(told, error_report(0, ErrorCode::unsupported_version, "")), Heard::older);
  told.connected();
  EXPECT_EQ(told.question(), reset_query(0));
  Session silent;
  silent.connected();
  (void)silent.question();
  EXPECT_EQ(*tell(silent, cache_response(0, 3) + prefixes({{kA, true}}, 0) + end_of_data(0, 3, 5, {})), Heard::answer);
  EXPECT_EQ(silent.question(), serial_query(0, 3, 5));
  EXPECT_FALSE(tell(silent, error_report(0, ErrorCode::unsupported_version, "")).ok());
}

}  // namespace
}  // namespace floof::rpki::rtr
