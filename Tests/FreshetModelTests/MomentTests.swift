import FreshetModel
import Testing

@Suite struct MomentTests {
  @Test func numbersAreSequences() throws {
    #expect(try Moment("42") == .sequence(42))
    #expect(try Moment("0") == .sequence(0))
    #expect(try Moment(" 2026 ") == .sequence(2026))
  }

  @Test func datesAndTimesStandForAllOfWhatTheyName() throws {
    let day = try #require(TimeSpan("2026-03-01"))
    #expect(try Moment("2026-03-01") == .time(day))
    #expect(day.start == Timestamp("2026-03-01T00:00:00Z"))
    #expect(day.end == Timestamp("2026-03-02T00:00:00Z"))
    let minute = try #require(TimeSpan("2026-03-01T10:00+02:00"))
    #expect(try Moment("2026-03-01T10:00+02:00") == .time(minute))
    #expect(minute.start == Timestamp("2026-03-01T08:00:00Z"))
    #expect(minute.end == Timestamp("2026-03-01T08:01:00Z"))
    #expect(try Moment("2026-03") == .time(#require(TimeSpan("2026-03"))))
    #expect(try Moment("2026-03-01 10:00") == .time(#require(TimeSpan("2026-03-01T10:00"))))
  }

  @Test func spansAreTimesBeforeNow() throws {
    #expect(try Moment("30d") == .ago(.seconds(30 * 86_400)))
    #expect(try Moment("2h ago") == .ago(.seconds(7_200)))
    #expect(try Moment("1h30m") == .ago(.seconds(5_400)))
    #expect(try Moment("now") == .ago(.zero))
  }

  @Test func beginningsOfIdentitiesAreRuns() throws {
    #expect(try Moment("6FA9") == .run("6fa9"))
    #expect(try Moment("6fa91b2c-33") == .run("6fa91b2c-33"))
    #expect(try Moment("run:1234") == .run("1234"))
    #expect(try Moment("run:300d") == .run("300d"))
    #expect(try Moment("6fa91b2c-33aa-4bbb-8ccc-0123456789ab") == .run("6fa91b2c-33aa-4bbb-8ccc-0123456789ab"))
  }

  @Test(
    arguments: [
      ("", "name a sequence number"), ("yesterday", "name a sequence number"), ("-3", "name a sequence number"),
      ("2026-02-30", "the calendar has no such time"), ("2026-13", "the calendar has no such time"),
      ("2026-03-01T25:00", "the calendar has no such time"), ("abc", "name a sequence number"),
      ("run:12", "after 'run:' stand at least 4 characters"), ("run:xyz1", "after 'run:' stand at least 4"),
      ("99999999999999999999", "no sequence number is so great"), ("ago", "name a sequence number"),
      ("6fa91b2c33-1", "name a sequence number"), ("5y", "name a sequence number"),
    ]
  )
  func anythingElseIsRefusedWithWhatCanBeNamed(text: String, reason: String) {
    let error = #expect(throws: FreshetError.self) { try Moment(text) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    #expect(error?.message.hasPrefix("'\(text)' is no moment of a collection: ") == true)
  }
}
