import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The header field `Retry-After` (RFC 9110 § 10.2.3): seconds, or a date.
public enum RetryAfter {
  /// How long to wait, never negative; `nil` for no field or one that says nothing.
  ///
  /// - Parameter now: seconds since the epoch.
  public static func duration(_ value: String?, now: Int64 = Int64(time(nil))) -> Duration? {
    guard let value else { return nil }
    if let seconds = Double(value), seconds.isFinite { return .seconds(min(max(seconds, 0), 1e7)) }
    // "Sun, 06 Nov 1994 08:49:37 GMT"
    let parts = value.split(whereSeparator: { $0 == " " || $0 == "," || $0 == ":" })
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    guard parts.count == 8, parts[7] == "GMT", let month = months.firstIndex(of: String(parts[2])) else { return nil }
    let pad: (Int) -> String = { $0 < 10 ? "0\($0)" : "\($0)" }
    guard let date = Timestamp("\(parts[3])-\(pad(month + 1))-\(parts[1])T\(parts[4]):\(parts[5]):\(parts[6])Z") else {
      return nil
    }
    return .seconds(max(0, date.nanoseconds / 1_000_000_000 - now))
  }
}
