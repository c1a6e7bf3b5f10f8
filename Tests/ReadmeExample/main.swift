// The example of README.md, run by a test that compares its text, too.
// example begins
import Freshet

let loader = try ConfigurationLoader()
let collection = try await Collection.open(try loader.load("freshet.yaml"))
let report = try await collection.sync()
let hits = try await collection.search("how do I rotate keys", limit: 5)
let history = try await collection.versions(of: "guide/keys.md")
for try await change in collection.changes(after: 0, following: false) {
  print(change.kind, change.origin)
}
await collection.close()
// example ends

print("created \(report.documents.created), hits \(hits.count), versions \(history.count)")
