import CSystem

/// The environment of this process.
public enum ProcessEnvironment {
  /// Every variable, as the process was started; of a name that is there twice the first.
  public static func variables() -> [String: String] {
    var result: [String: String] = [:]
    guard var entry = freshet_environment() else { return result }
    while let text = entry.pointee {
      let pair = String(cString: text)
      if let sign = pair.firstIndex(of: "="), sign != pair.startIndex {
        let name = String(pair[..<sign])
        if result[name] == nil { result[name] = String(pair[pair.index(after: sign)...]) }
      }
      entry += 1
    }
    return result
  }
}
