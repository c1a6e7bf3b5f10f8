import FreshetConfiguration
import FreshetModel
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct TrustTests {
  func load(_ folder: TemporaryFolder, _ text: String, environment: [String: String] = [:]) throws -> Configuration {
    folder.makeFolder("project")
    try folder.write("project/freshet.yaml", text)
    return try ConfigurationLoader(environment: environment, currentFolder: folder.path)
      .load("project/freshet.yaml")
  }

  @Test func whatStaysInItsFolderNeedsNoTrust() throws {
    let folder = try TemporaryFolder()
    let configuration = try load(folder, "sources: [{path: docs}, {path: ., name: all}]\nlog: {file: a/b.log}")
    #expect(configuration.trustRequirements.isEmpty)
    try TrustStore(folder: folder.path + "/trust").require(configuration)
  }

  @Test func whatReachesBeyondItsFolderIsNamedKeyByKey() throws {
    let folder = try TemporaryFolder()
    let configuration = try load(
      folder,
      """
      collection: ../elsewhere
      sources: [{path: /etc, name: e}, {path: docs}]
      log: { file: ../x.log }
      embedder: { provider: http, url: "http://127.0.0.1:1/v1", api_key_env: SECRET }
      """
    )
    #expect(
      configuration.trustRequirements.map(\.key) == [
        "collection", "sources[1].path", "log.file", "embedder.url", "embedder.api_key_env",
      ]
    )
    let store = TrustStore(folder: folder.path + "/trust")
    let error = try #require(throws: FreshetError.self) { try store.require(configuration) }
    #expect(error.code == .untrustedConfiguration)
    #expect(error.message.contains("`embedder.url` sends your texts to this server: http://127.0.0.1:1/v1"))
    #expect(error.message.contains("`sources[1].path` reads documents outside the configuration's folder: /etc"))
    #expect(error.message.contains("run `freshet trust`"))
  }

  @Test func aPinHoldsUntilAValueChanges() throws {
    let folder = try TemporaryFolder()
    let store = TrustStore(folder: folder.path + "/config/freshet/trust")
    let first = try load(folder, "embedder: { provider: http, url: \"https://a.example/v1\", batch: 8 }")
    #expect(try !store.isTrusted(first))
    try store.trust(first)
    try store.trust(first)
    #expect(try store.isTrusted(first))
    let files = folder.names(in: "config/freshet/trust")
    #expect(files.count == 1)
    #expect(folder.mode("config/freshet/trust/" + (files.first ?? "")) == 0o600)
    #expect(folder.mode("config/freshet/trust") == 0o700)
    // Other keys may change.
    #expect(
      try store.isTrusted(load(folder, "embedder: { provider: http, url: \"https://a.example/v1\", batch: 9 }"))
    )
    #expect(try !store.isTrusted(load(folder, "embedder: { provider: http, url: \"https://b.example/v1\" }")))
    #expect(try store.revoke(first))
    #expect(try !store.isTrusted(first))
    #expect(try !store.revoke(first))
  }

  @Test func aLinkOutOfTheFolderNeedsTrustAndMovingItNeedsItAgain() throws {
    let folder = try TemporaryFolder()
    folder.makeFolder("project")
    folder.makeFolder("one")
    folder.makeFolder("two")
    let link = folder.path + "/project/docs"
    symlink("../one", link)
    let store = TrustStore(folder: folder.path + "/trust")
    let text = "sources: [{path: docs}]"
    let first = try load(folder, text)
    #expect(first.trustRequirements.map(\.value) == [folder.path + "/one"])
    try store.trust(first)
    #expect(try store.isTrusted(load(folder, text)))
    unlink(link)
    symlink("../two", link)
    #expect(try !store.isTrusted(load(folder, text)))
  }

  @Test func aLinkThatLeadsNowhereNeedsTrustToo() throws {
    let folder = try TemporaryFolder()
    folder.makeFolder("project")
    symlink("/nowhere/at/all", folder.path + "/project/out.log")
    #expect(try load(folder, "log: { file: out.log }").trustRequirements.map(\.key) == ["log.file"])
  }

  @Test func theUsersOwnWordsNeedNoTrust() throws {
    let folder = try TemporaryFolder()
    let environment = ["FRESHET_EMBEDDER_URL": "http://127.0.0.1:1/v1", "FRESHET_COLLECTION": "/var/tmp/x"]
    let configuration = try load(
      folder,
      "embedder: { provider: http, url: \"https://evil.example\" }\ncollection: /x",
      environment: environment
    )
    #expect(configuration.trustRequirements.isEmpty)
  }

  @Test func aPinThatOthersCanWriteIsNotBelieved() throws {
    let folder = try TemporaryFolder()
    let store = TrustStore(folder: folder.path + "/trust")
    let configuration = try load(folder, "collection: ../x")
    try store.trust(configuration)
    let file = folder.path + "/trust/" + (folder.names(in: "trust").first ?? "")
    chmod(file, 0o666)
    #expect(throws: FreshetError.self) { try store.isTrusted(configuration) }
  }

  @Test func aDatabasesPasswordIsNotShown() throws {
    let folder = try TemporaryFolder()
    let configuration = try load(folder, "collection: postgresql://me:secret@db.example/docs")
    #expect(configuration.isPostgreSQL)
    #expect(configuration.trustRequirements.map(\.value) == ["postgresql://db.example/docs"])
  }

  @Test func theUsersFolderComesFromTheEnvironment() throws {
    #expect(try TrustStore.standard(environment: ["XDG_CONFIG_HOME": "/c", "HOME": "/h"]).folder == "/c/freshet/trust")
    #expect(
      try TrustStore.standard(environment: ["XDG_CONFIG_HOME": "c", "HOME": "/h"]).folder == "/h/.config/freshet/trust"
    )
    // Without HOME it is the home that the system has on record.
    #expect(try TrustStore.standard(environment: [:]).folder.hasSuffix("/.config/freshet/trust"))
  }
}
