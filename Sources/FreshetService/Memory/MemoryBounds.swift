import FreshetConfiguration

/// Decides which of its bounds a service's memory is above: a pure value.
///
/// A bound that was passed counts until the memory is a tenth below it, so that a memory that moves about one is said
/// once.
struct MemoryBounds: Sendable {
  private let options: MemoryConfiguration
  /// Which bounds it is above.
  private(set) var level = LiveMemory.Level.normal

  init(_ options: MemoryConfiguration) {
    self.options = options
  }

  /// Takes a measurement; answers what changed by it.
  mutating func judge(_ residentBytes: Int64) -> LiveMemory? {
    let warn = options.warn > 0 ? options.warn : nil
    let before = level
    if isAbove(options.limit, residentBytes, isKnown: before == .limited) {
      level = .limited
    } else if isAbove(warn, residentBytes, isKnown: before != .normal) {
      level = .warned
    } else {
      level = .normal
    }
    guard level != before else { return nil }
    let bound = level == .limited ? options.limit : level == .warned ? warn : nil
    return LiveMemory(level: level, residentBytes: residentBytes, bound: bound)
  }

  private func isAbove(_ bound: Int64?, _ bytes: Int64, isKnown: Bool) -> Bool {
    guard let bound else { return false }
    return bytes > (isKnown ? bound / 10 * 9 : bound)
  }
}
