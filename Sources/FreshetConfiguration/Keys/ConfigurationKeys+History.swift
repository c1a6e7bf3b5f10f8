extension ConfigurationKeys {
  typealias RuleKey = ConfigurationKey<HistoryRules>

  private static let rules = HistoryRules()
  private static let defaults = Configuration(folder: "/")
  private static let times: ClosedRange<Duration> = .seconds(1) ... .seconds(36_500 * 86_400)

  /// The rules, as they stand in `history` and in a source's `history`.
  static let historyRules: [RuleKey] = [
    RuleKey(
      "keep_last",
      \.keepLast,
      .optional(.integer(1...1_000_000)),
      default: rules,
      "The newest so many versions."
    ),
    RuleKey(
      "keep_for",
      \.keepFor,
      .optional(.duration(times)),
      default: rules,
      "Every version that was current within this time (`90d`): each moment of it can be gone back to."
    ),
    RuleKey(
      "keep_daily",
      \.keepDaily,
      .optional(.integer(1...36_500)),
      default: rules,
      "The version that was current at the end of each of so many last days, in UTC."
    ),
    RuleKey(
      "keep_weekly",
      \.keepWeekly,
      .optional(.integer(1...5_200)),
      default: rules,
      "The same at the end of weeks, which end on Sunday."
    ),
    RuleKey(
      "keep_monthly",
      \.keepMonthly,
      .optional(.integer(1...1_200)),
      default: rules,
      "The same at the end of months."
    ),
    RuleKey(
      "keep_deleted",
      \.keepDeleted,
      .optional(.duration(times), absent: "for ever"),
      default: rules,
      """
      How long after its deletion a document keeps what the rules keep, at least its last version. After that only \
      `keep_for` keeps something of it.
      """
    ),
  ]

  static let history: [Key] =
    historyRules.map { Key("history", \.history.rules, $0) } + [
      Key(
        "history.collect",
        \.history.collection,
        .choice,
        default: defaults,
        "Whether what no rule keeps is collected after each sync, for at most 30 s, or by `freshet gc` alone."
      ),
      Key(
        "history.compression",
        \.history.compression,
        .choice,
        default: defaults,
        "How contents and texts are stored. A change concerns what is stored from then on."
      ),
    ]
}

extension ValueType where Value == HistoryRules? {
  static var historyRules: Self {
    ValueType(
      title: "mapping of rules",
      isOverridable: false,
      read: { node in
        guard case .mapping(let entries) = node.content else {
          throw ValueProblem("must be a mapping such as `{ keep_last: 10 }`; here stands \(node.kindName).")
        }
        var rules = HistoryRules()
        let keys = ConfigurationKeys.historyRules
        for entry in entries {
          guard let key = keys.first(where: { $0.name == entry.key }) else {
            throw ValueProblem(
              "has no key `\(entry.key.shown)`. These are: \(keys.map { "`\($0.name)`" }.joined(separator: ", ")).",
              at: entry.location
            )
          }
          if entry.value.isNull { continue }
          do {
            try key.apply(&rules, entry.value)
          } catch let problem as ValueProblem {
            throw ValueProblem(
              "has a `\(key.name)` that \(problem.sentence)",
              at: problem.location ?? entry.value.location
            )
          }
        }
        return rules
      },
      write: { _ in "that of `history`" }
    )
  }
}
