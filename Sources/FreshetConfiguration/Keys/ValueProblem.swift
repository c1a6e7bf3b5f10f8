/// Why a value does not fit its key: the rest of the sentence "`key` …".
struct ValueProblem: Error {
  var sentence: String
  /// Where exactly, when it is a part of the value.
  var location: TextLocation?
  /// The sentence stands alone, without the key in front.
  var isWhole = false

  init(_ sentence: String, at location: TextLocation? = nil, isWhole: Bool = false) {
    self.sentence = sentence
    self.location = location
    self.isWhole = isWhole
  }
}
