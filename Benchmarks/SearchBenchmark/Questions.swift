import FreshetModel
import FreshetTestKit

/// What is asked: questions as people write them, with their stop words, about things that the collection's headings
/// name, and identifiers that its texts hold.
struct Questions {
  var natural: [String] = []
  var identifiers: [String] = []

  private static let forms = [
    "how do I configure the A of a B when it is in C",
    "what is the difference between A and B and when should I use which of them",
    "why does the A not work with a B after it has been changed by the C",
    "is it possible to use A for the B if there is no C on the machine",
    "how can I make sure that the A is closed before the B is read",
    "what happens to the A in a B that is used from more than one thread",
    "where do I find the documentation of the A that is needed for B",
    "I would like to know how to get all of the A from a B with the C",
    "can you tell me which A is the best for my B",
    "the A of the B returns an error when I call it with an empty C",
    "how do you test an A that depends on the B and on the C",
    "what does the A do and how is it related to the B",
  ]

  /// Draws them from a collection; the same seed gives the same ones.
  init(from snapshot: any StoreSnapshot, count: Int, identifierCount: Int, seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let documents = try snapshot.documents(DocumentQuery())
    var things: [String] = []
    var names: [String] = []
    while things.count < 4 * count || names.count < identifierCount {
      guard let document = documents.randomElement(using: &random),
        let chunk = try snapshot.chunks(of: document.id).randomElement(using: &random),
        let passage = try snapshot.passages([chunk.passage]).first
      else { continue }
      let words = (passage.heading.last ?? "").split { !$0.isLetter }.map { $0.lowercased() }.filter { $0.count > 2 }
      if let word = words.randomElement(using: &random) {
        things.append(words.count > 1 && Bool.random(using: &random) ? words.prefix(2).joined(separator: " ") : word)
      }
      let found = passage.body.split { $0.isWhitespace || "()[]{}<>,;:!?'`*\"|=\\/".contains($0) }
        .filter { $0.contains("_") && $0.contains(where: \.isLetter) && $0.utf8.count < 60 && $0.utf8.count > 5 }
      if let name = found.randomElement(using: &random) { names.append(String(name)) }
    }
    for index in 0..<count {
      var text = ""
      for word in Self.forms[index % Self.forms.count].split(separator: " ") {
        let isThing = word == "A" || word == "B" || word == "C"
        text += (text.isEmpty ? "" : " ") + (isThing ? things.removeLast() : String(word))
      }
      natural.append(text)
    }
    for index in 0..<identifierCount {
      identifiers.append(index % 3 == 0 ? "what does \(names[index]) do" : names[index])
    }
  }
}
