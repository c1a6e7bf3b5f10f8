import FreshetModel

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
        "history.keep_log",
        \.history.keepLog,
        .logRetention,
        default: defaults,
        """
        How much of the log of changes is kept: the newest so many (`1000000`), those of so long (`365d`), or `forever`. \
        What consumers have not read stays up to twice as long. Older changes are neither events nor in `audit`; the \
        versions of documents stay.
        """
      ),
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

extension ValueType where Value == LogRetention {
  static var logRetention: Self {
    let title = "number of changes, duration or `forever`"
    let duration = ValueType<Duration>.duration(.seconds(1) ... .seconds(36_500 * 86_400))
    return ValueType(
      title: title,
      read: { node in
        let text = try scalar(node, expecting: title)
        if text == "forever" { return .forever }
        if text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") }) {
          let digits = text.filter { $0 != "_" }
          guard let count = Int64(digits), (1...1_000_000_000_000).contains(count) else {
            throw ValueProblem("must be 1 to 1000000000000 changes; here stands `\(text.shown)`.")
          }
          return .changes(count)
        }
        do {
          return .time(try duration.read(node))
        } catch is ValueProblem {
          throw ValueProblem("must be a \(title), such as `1000000` or `365d`; here stands `\(text.shown)`.")
        }
      },
      write: { value in
        switch value {
        case .forever: "`forever`"
        case .changes(let count): "`\(count)`"
        case .time(let time): duration.write(time)
        }
      }
    )
  }
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
