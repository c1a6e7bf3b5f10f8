import FreshetConfiguration
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct ReferencePageTests {
  /// With `FRESHET_UPDATE_SNAPSHOTS=1` in the environment the page is written instead of compared.
  @Test func thePageEqualsTheTableOfKeys() throws {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let file = "/\(root)/docs/configuration.md"
    let page = ConfigurationReference.markdown()
    if getenv("FRESHET_UPDATE_SNAPSHOTS") != nil {
      mkdir("/\(root)/docs", 0o755)
      let stream = try #require(fopen(file, "w"))
      fputs(page, stream)
      fclose(stream)
    }
    let stream = try #require(fopen(file, "r"), "docs/configuration.md is missing")
    defer { fclose(stream) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, stream)
    #expect(
      String(decoding: bytes[..<count], as: UTF8.self) == page,
      "docs/configuration.md is not what the table of keys says; run this test with FRESHET_UPDATE_SNAPSHOTS=1."
    )
  }
}
