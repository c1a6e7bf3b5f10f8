import Foundation
import Testing

/// Searches with a model that is not the collection's.
@Suite struct SearchModelTests {
  @Test func aHybridSearchSaysWhyItWentByWordsAlone() async throws {
    let workshop = try Workshop()
    try workshop.writeDocuments()
    _ = try await workshop.freshet("sync", "docs")
    #expect(try await workshop.freshet("search", "keys", at: "docs").errors.isEmpty)
    let other = ["FRESHET_EMBEDDER_DIMENSION": "64"]
    let text = try await workshop.freshet("search", "keys", at: "docs", environment: other)
    #expect(text.code == 0 && text.output.contains("keys.md"))
    for part in ["Warning:", "(384 components)", "(64 components)", "only words were searched", "`freshet sync`"] {
      #expect(text.errors.contains(part), "\(text.errors)")
    }
    let json = try await workshop.freshet("search", "keys", "--json", at: "docs", environment: other).last()
    #expect(json["mode"] as? String == "keyword" && (json["warnings"] as? [String])?.count == 1)
    let vector = try await workshop.freshet("search", "keys", "--mode", "vector", at: "docs", environment: other)
    #expect(vector.code == 1 && vector.errors.contains("(384 components)") && vector.errors.contains("(64 components)"))
    let none = ["FRESHET_EMBEDDER_PROVIDER": "none"]
    #expect(try await workshop.freshet("search", "keys", at: "docs", environment: none).errors.isEmpty)
  }
}
