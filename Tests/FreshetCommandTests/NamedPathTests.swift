import Foundation
import Testing

/// Calls of `sync` that name paths: which configuration and collection they mean, and what they take up.
@Suite struct NamedPathTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
  }

  private func origins(at folder: String = "") async throws -> [String] {
    try await workshop.freshet("list", "--json", at: folder).objects().compactMap { $0["origin"] as? String }.sorted()
  }

  private func makeProject() async throws {
    try workshop.write("p/freshet.yaml", "sources: [{ path: ., include: ['*.md'] }]\n")
    try workshop.write("p/a.md", "The first document.\n")
    try workshop.write("p/b.md", "The second document.\n")
    try workshop.write("p/secret.txt", "SECRET\n")
    #expect(try await workshop.freshet("sync", at: "p").code == 0)
    try workshop.write("outside/c.md", "Something else.\n")
  }

  @Test func aPathOutsideOfTheSourcesIsRefusedAndChangesNothing() async throws {
    try await makeProject()
    for path in ["../outside/c.md", "../outside", "/etc/hostname", "../nowhere"] {
      let sync = try await workshop.freshet("sync", path, at: "p")
      #expect(sync.code == 64, "\(path): \(sync.output)\(sync.errors)")
      #expect(sync.errors.contains("no source of the collection holds this path"), "\(sync.errors)")
      #expect(sync.errors.contains("p (\(workshop.path)/p)"), "\(sync.errors)")
      #expect(try await origins(at: "p") == ["a.md", "b.md"])
    }
    #expect(!workshop.exists("outside/.freshet"))
    // A folder that is named instead of its file means the file.
    #expect(try await workshop.freshet("sync", "-c", "p").output.contains("2 unchanged"))
  }

  @Test func aCollectionThatAFileMadeIsNotSyncedWithoutIt() async throws {
    try await makeProject()
    try FileManager.default.moveItem(
      atPath: workshop.path + "/p/freshet.yaml",
      toPath: workshop.path + "/p/other.yaml"
    )
    for words in [["sync"], ["sync", "."], ["sync", "a.md"], ["sync", "--dry-run"]] {
      let sync = try await workshop.run(Workshop.programs + "/freshet", words, at: "p")
      #expect(sync.code == 64 && sync.errors.contains("p/freshet.yaml") && sync.errors.contains("--config"))
    }
    #expect(try await workshop.freshet("sync", "-c", "other.yaml", at: "p").code == 0)
    let named = try await workshop.freshet("sync", at: "p")
    #expect(named.code == 64 && named.errors.contains("`--config \(workshop.path)/p/other.yaml`"), "\(named.errors)")
    #expect(try await origins(at: "p") == ["a.md", "b.md"])
  }

  @Test func namedPathsOfACollectionWithoutAFileAreAllThatIsSynced() async throws {
    for name in ["d/a.md", "d/p/b.md", "d/q/c.md", "d/r/d.md"] { try workshop.write(name, "Document \(name).\n") }
    #expect(try await workshop.freshet("sync", "d").code == 0)
    for name in ["a2.md", "p/b2.md", "q/c2.md", "r/d2.md"] { try workshop.write("d/" + name, "New: \(name).\n") }
    #expect(try await workshop.freshet("sync", "a2.md", at: "d").output.contains("1 created"))
    #expect(try await workshop.freshet("sync", "p", at: "d").output.contains("1 created"))
    #expect(try await workshop.freshet("sync", "p", "d/q").code == 10)
    #expect(try await workshop.freshet("sync", "p", "q", at: "d").output.contains("1 created"))
    #expect(!workshop.exists("d/p/.freshet"))
    #expect(try await origins(at: "d") == ["a.md", "a2.md", "p/b.md", "p/b2.md", "q/c.md", "q/c2.md", "r/d.md"])
    #expect(try await workshop.freshet("sync", "d").output.contains("1 created"))
  }

  @Test func aPathWithNothingThereIsSaidSo() async throws {
    try await makeProject()
    let missing = try await workshop.freshet("sync", "nonesuch.md", at: "p")
    #expect(missing.code == 1 && missing.errors.contains("nonesuch.md: nothing is there"), "\(missing.errors)")
    let excluded = try await workshop.freshet("sync", "secret.txt", at: "p")
    #expect(excluded.code == 0)
    #expect(excluded.errors.contains("secret.txt: left out: no include pattern matches it"), "\(excluded.errors)")
    // What was there is deleted, as the collection knows it.
    try workshop.remove("p/a.md")
    #expect(try await workshop.freshet("sync", "a.md", at: "p").output.contains("1 deleted"))
  }

  @Test func anUnknownNameLeavesTheOthersToBeSynced() async throws {
    try await makeProject()
    for (number, name) in ["nonesuch.md", "../outside/c.md"].enumerated() {
      try workshop.write("p/a.md", "The first document, text \(number).\n")
      let sync = try await workshop.freshet("sync", name, "a.md", "secret.txt", at: "p")
      #expect(sync.code == 0 && sync.output.contains("1 modified"), "\(sync.output)\(sync.errors)")
      #expect(sync.errors.contains(number == 0 ? "nonesuch.md: nothing is there" : "c.md: no source"), "\(sync.errors)")
      #expect(sync.errors.contains("secret.txt: left out"))
    }
    // Nothing that could be synced is a failure, as for one name.
    #expect(try await workshop.freshet("sync", "nonesuch.md", "neither.md", at: "p").code == 1)
    #expect(try await workshop.freshet("sync", "nonesuch.md", "../outside/c.md", at: "p").code == 1)
    #expect(try await workshop.freshet("sync", "../outside/c.md", "/etc/hostname", at: "p").code == 64)
    #expect(try await origins(at: "p") == ["a.md", "b.md"])
  }

  @Test func whatWasDeletedBeforeIsNoUnknownName() async throws {
    for name in ["d/x1.md", "d/x2.md", "d/sub/x3.md", "d/rest.md"] { try workshop.write(name, "Document \(name).\n") }
    try workshop.write("d/many.jsonl", "{\"id\": \"1\", \"text\": \"One of many.\"}\n")
    #expect(try await workshop.freshet("sync", "d").code == 0)
    for name in ["d/x1.md", "d/sub", "d/many.jsonl"] { try workshop.remove(name) }
    let names = ["x1.md", "sub", "many.jsonl"]
    for (number, expected) in ["3 deleted", "1 modified"].enumerated() {
      try workshop.write("d/x2.md", "Document x2, text \(number).\n")
      let sync = try await workshop.run(Workshop.programs + "/freshet", ["sync", "x2.md"] + names, at: "d")
      #expect(sync.code == 0 && sync.output.contains(expected) && sync.output.contains("1 modified"), "\(sync.errors)")
      #expect(!sync.errors.contains("nothing is there"), "\(sync.errors)")
    }
    #expect(try await workshop.run(Workshop.programs + "/freshet", ["sync"] + names, at: "d").code == 0)
    #expect(try await workshop.freshet("sync", "x", at: "d").code == 1)
  }

  @Test func aFolderThatIsASourceBelongsToNoOther() async throws {
    try workshop.write("freshet.yaml", "sources: [{ path: docs }, { path: docs/sub, name: sub }]\n")
    for name in ["docs/a.md", "docs/sub/b.md", "docs/sub/deep/c.md"] { try workshop.write(name, "Document \(name).\n") }
    for name in ["docs/sub", "docs/sub/deep", "docs"] {
      let sync = try await workshop.freshet("sync", name)
      #expect(sync.code == 0 && !sync.output.isEmpty, "\(sync.output)")
      #expect(!sync.errors.contains("left out"), "\(sync.errors)")
    }
    #expect(try await origins() == ["a.md", "b.md", "deep/c.md"])
  }

  @Test func theFolderAboveALinkIsThatOfItsTarget() async throws {
    try workshop.write("p/freshet.yaml", "sources: [{ path: docs }]\n")
    try workshop.write("p/docs/a.md", "A document.\n")
    try workshop.write("elsewhere/docs/a.md", "Another one.\n")
    try workshop.write("p/far/target/x.md", "Something.\n")
    // For the system, link/.. is p/far.
    try FileManager.default.createSymbolicLink(
      atPath: workshop.path + "/elsewhere/link",
      withDestinationPath: workshop.path + "/p/far/target"
    )
    let sync = try await workshop.freshet("sync", "-c", "p", "elsewhere/link/../../docs/a.md")
    #expect(sync.code == 0 && sync.output.contains("1 created"), "\(sync.errors)")
    #expect(
      try await workshop.freshet("show", "-c", "p", "elsewhere/link/../../docs/a.md").output.contains("A document")
    )
    let other = try await workshop.freshet("sync", "-c", "p", "elsewhere/link/../docs/a.md")
    #expect(other.code != 0, "\(other.output)")
  }

  @Test func aProjectIsTheSameThroughALink() async throws {
    try await makeProject()
    try FileManager.default.createSymbolicLink(
      atPath: workshop.path + "/link",
      withDestinationPath: workshop.path + "/p"
    )
    try workshop.write("p/c.md", "The third document.\n")
    let sync = try await workshop.freshet("sync", "-c", "link/freshet.yaml", "p/c.md")
    #expect(sync.code == 0 && sync.output.contains("1 created"), "\(sync.errors)")
    try workshop.write("p/d.md", "The fourth document.\n")
    #expect(try await workshop.freshet("sync", "../link/d.md", at: "p").output.contains("1 created"))
    #expect(try await workshop.freshet("show", workshop.path + "/link/d.md", at: "p").output.contains("fourth"))
  }

  @Test func aNameThatIsNoUTF8IsFoundAsItIsTyped() async throws {
    try workshop.write("d/good.md", "A good name.\n")
    let script = "cd d && printf 'Bad name.\\n' > $'bad\\xff.md' && freshet sync . && "
    let shown = try await workshop.run("/bin/bash", ["-c", script + "freshet show $'bad\\xff.md'"])
    #expect(shown.code == 0 && shown.output.contains("Bad name."), "\(shown.errors)")
    let change = "printf 'Changed.\\n' > $'d/bad\\xff.md' && freshet sync $'d/bad\\xff.md' && "
    let synced = try await workshop.run("/bin/bash", ["-c", change + "freshet show -c d $'d/bad\\xff.md'"])
    #expect(synced.code == 0 && synced.output.contains("1 modified") && synced.output.contains("Changed."))
  }

  @Test func aFileWithTheOtherEndingIsAConfigurationToo() async throws {
    try workshop.write("freshet.yml", "sources: [{ path: docs }]\n")
    try workshop.write("docs/a.md", "A document.\n")
    #expect(try await workshop.freshet("sync").code == 0)
    #expect(try await origins() == ["a.md"])
    let second = try await workshop.freshet("init")
    #expect(second.code == 64 && second.errors.contains("freshet.yml: is there already"), "\(second.errors)")
  }

  @Test func nothingNeedsAHomeFolder() async throws {
    try await makeProject()
    let search = try await workshop.run(
      "/usr/bin/env",
      ["-u", "HOME", "-u", "XDG_CONFIG_HOME", Workshop.programs + "/freshet", "search", "document"],
      at: "p"
    )
    #expect(search.code == 0 && search.output.contains("a.md"), "\(search.errors)")
  }
}
