import FreshetConfiguration
import Testing

/// Where a collection is whose configuration is faulty.
@Suite struct CollectionPlaceTests {
  private func place(_ text: String, _ environment: [String: String] = [:]) throws -> CollectionPlace? {
    let folder = try TemporaryFolder()
    try folder.write("freshet.yaml", text)
    let loader = try ConfigurationLoader(environment: environment, currentFolder: folder.path)
    var place = loader.collectionPlace(of: "freshet.yaml")
    if let path = place?.path, path.hasPrefix(folder.path + "/") {
      place?.path = String(path.dropFirst(folder.path.count + 1))
    }
    return place
  }

  @Test(arguments: [
    ("collection: here\nbad: [", "here", CollectionPlace.Knowledge.file),
    ("collection: here\nchunk: { soft: no }\nsorces: []", "here", .file),
    ("chunk: { soft: no }\ncollection: here", "here", .file), ("{ collection: /far/away, bad: [ }", "/far/away", .file),
    ("chunk: { soft: no }", ".freshet", .file), ("", ".freshet", .file), ("collection: ~", ".freshet", .file),
    ("bad: [\ncollection: here", "here", .assumed), ("collection: here\n  bad: [", "here", .assumed),
    ("bad: [\ncollection: 'here' # not there\r\n", "here", .assumed), ("collection: [here", ".freshet", .assumed),
    ("collection: { a: b }", ".freshet", .assumed), ("- collection: here", ".freshet", .assumed),
    ("chunk: { collection: there }\nbad: [", ".freshet", .assumed),
  ])
  func thePlaceIsReadAsFarAsTheFileGoes(
    _ text: String,
    _ path: String,
    _ knowledge: CollectionPlace.Knowledge
  ) throws {
    #expect(try place(text) == CollectionPlace(path: path, knowledge: knowledge))
    let named = CollectionPlace(path: "named", knowledge: .environment)
    #expect(try place(text, ["FRESHET_COLLECTION": "named"]) == named)
  }

  @Test func aDatabaseIsNoPlace() throws {
    #expect(try place("collection: postgresql://host/name\nbad: [") == nil)
  }
}
