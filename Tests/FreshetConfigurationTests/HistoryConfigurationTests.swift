import FreshetConfiguration
import FreshetModel
import Testing

@Suite struct HistoryConfigurationTests: ConfigurationSuite {
  @Test func everythingIsKeptByDefault() throws {
    let history = try read("").history
    #expect(history == HistoryConfiguration())
    #expect(history.rules == HistoryRules())
    #expect(history.collection == .never && history.compression == .zstd)
  }

  @Test func aSourceHasItsOwnRulesInThePlaceOfTheOthers() throws {
    let configuration = try read(
      """
      sources:
        - { path: docs, history: { keep_last: 3, keep_deleted: 30d } }
        - { path: logs }
        - { path: everything, history: {} }
      history: { keep_for: 90d, keep_daily: 7, keep_weekly: 4, keep_monthly: 12, collect: after_sync, compression: none }
      """
    )
    var docs = HistoryRules()
    docs.keepLast = 3
    docs.keepDeleted = .seconds(30 * 86_400)
    var others = HistoryRules()
    others.keepFor = .seconds(90 * 86_400)
    (others.keepDaily, others.keepWeekly, others.keepMonthly) = (7, 4, 12)
    #expect(configuration.sources.map { configuration.historyRules(of: $0) } == [docs, others, HistoryRules()])
    #expect(configuration.history.collection == .afterSync && configuration.history.compression == .none)
  }

  @Test func theEnvironmentOverridesARule() throws {
    let configuration = try read(
      "history: { keep_last: 5 }",
      environment: ["FRESHET_HISTORY_KEEP_LAST": "2", "FRESHET_HISTORY_KEEP_FOR": "1h30m"]
    )
    #expect(configuration.history.rules.keepLast == 2)
    #expect(configuration.history.rules.keepFor == .seconds(5400))
  }

  @Test func theLogIsKeptByNumberTimeOrForEver() throws {
    #expect(try read("").history.keepLog == .changes(1_000_000))
    #expect(try read("history: { keep_log: 5000 }").history.keepLog == .changes(5_000))
    #expect(try read("history: { keep_log: 365d }").history.keepLog == .time(.seconds(365 * 86_400)))
    #expect(try read("history: { keep_log: forever }").history.keepLog == .forever)
    #expect(try read("", environment: ["FRESHET_HISTORY_KEEP_LOG": "7"]).history.keepLog == .changes(7))
  }

  @Test(arguments: [
    ("history: { keep_log: 0 }", "`history.keep_log` must be 1 to 1000000000000 changes"),
    ("history: { keep_log: never }", "`history.keep_log` must be a number of changes, duration or `forever`"),
    ("history: { keep_last: 0 }", "freshet.yaml:1:23: `history.keep_last` must be a whole number, 1 to 1000000"),
    ("history: { keep_for: 90 }", "`history.keep_for` must be a duration"),
    ("history: { keep_lats: 3 }", "Did you mean `history.keep_last`?"),
    ("history: { collect: always }", "`never`, `after_sync`"),
    ("sources:\n  - { path: a, history: 5 }", "`sources[1].history` must be a mapping such as `{ keep_last: 10 }`"),
    ("sources:\n  - { path: a, history: { keep_lats: 3 } }", "has no key `keep_lats`"),
    ("sources:\n  - { path: a, history: { keep_last: x } }", "`sources[1].history` has a `keep_last` that must be a"),
  ])
  func aMistakeIsNamedWithItsPlace(text: String, sentence: String) {
    #expect(problem(text).contains(sentence), "\(problem(text))")
  }
}
