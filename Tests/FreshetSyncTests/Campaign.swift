#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How long the random tests run: a few seeds always, many when the environment asks for a campaign.
///
/// `FRESHET_CAMPAIGN_SEED` and `FRESHET_CAMPAIGN_SEEDS` name the first seed and how many, `FRESHET_CAMPAIGN_STEPS` the
/// steps of each.
enum Campaign {
  static func seeds(default seeds: [UInt64]) -> [UInt64] {
    guard let count = number("FRESHET_CAMPAIGN_SEEDS") else {
      return number("FRESHET_CAMPAIGN_SEED").map { [UInt64($0)] } ?? seeds
    }
    let first = UInt64(number("FRESHET_CAMPAIGN_SEED") ?? 1000)
    return (0..<UInt64(count)).map { first + $0 }
  }

  static func steps(default steps: Int) -> Int { number("FRESHET_CAMPAIGN_STEPS") ?? steps }

  private static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }
}
