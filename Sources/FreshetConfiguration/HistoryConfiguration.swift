import FreshetModel

/// Which versions keep their content, how it is stored, and when the others' is collected.
public struct HistoryConfiguration: Hashable, Sendable {
  /// When garbage is collected without being asked.
  public enum Collection: String, Sendable, CaseIterable {
    /// Only by `freshet gc`.
    case never
    /// After each sync that ran to its end, for a bounded time.
    case afterSync = "after_sync"
  }

  /// How contents are stored.
  public enum Compression: String, Sendable, CaseIterable {
    case zstd
    case none
  }

  /// The rules for every source that has none of its own.
  public var rules = HistoryRules()
  /// How much of the log of changes is kept.
  public var keepLog = LogRetention.standard
  /// When garbage is collected without being asked.
  public var collection = Collection.never
  /// How contents and texts are stored from now on.
  public var compression = Compression.zstd

  /// Starts with the defaults.
  public init() {}
}

/// The rules by which versions keep their content; they add up, and without any all are kept.
public struct HistoryRules: Hashable, Sendable {
  /// The newest so many.
  public var keepLast: Int?
  /// Those that were current within this time.
  public var keepFor: Duration?
  /// Those that were current at the end of so many last days.
  public var keepDaily: Int?
  /// Those that were current at the end of so many last weeks.
  public var keepWeekly: Int?
  /// Those that were current at the end of so many last months.
  public var keepMonthly: Int?
  /// How long after its deletion a document keeps what the rules keep; `nil` for ever.
  public var keepDeleted: Duration?

  /// Starts with the defaults: everything is kept.
  public init() {}
}
