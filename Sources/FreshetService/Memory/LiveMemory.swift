/// How a service's memory stands to its bounds.
public struct LiveMemory: Hashable, Sendable {
  /// Which bounds it is above.
  public enum Level: String, Sendable, CaseIterable {
    /// None.
    case normal
    /// `memory.warn`.
    case warned
    /// `memory.limit`: the service has slowed down.
    case limited
  }

  /// Which bounds it is above.
  public var level: Level
  /// Resident bytes.
  public var residentBytes: Int64
  /// The bound that it came above or below; `nil` when it is below all.
  public var bound: Int64?
}
