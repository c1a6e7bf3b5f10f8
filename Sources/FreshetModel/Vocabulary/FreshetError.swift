/// What went wrong, in a sentence that names the path, the cause and the remedy.
///
/// `description` never carries document text or a secret.
public struct FreshetError: Error, Sendable, CustomStringConvertible {
  /// A stable name of the failure, for programs: the list may grow, a name never changes.
  public struct Code: RawRepresentable, Hashable, Sendable {
    /// The name as it appears in JSON, in lower case with underscores.
    public let rawValue: String

    /// Names a code; parsers and embedders outside Freshet may have their own.
    public init(rawValue: String) {
      self.rawValue = rawValue
    }
  }

  /// Whether trying again without a change may help.
  public enum Permanence: Sendable {
    /// Trying again later may succeed; the duration is the least to wait when the other side named one.
    case transient(retryAfter: Duration?)
    /// Nothing changes until the content, the configuration or the program does.
    case permanent
  }

  /// The failure's stable name.
  public let code: Code
  /// One sentence with cause and remedy.
  public let message: String
  /// The file, origin or address that it is about.
  public let path: String?
  /// Whether a retry may help.
  public let permanence: Permanence

  /// Describes a failure.
  public init(_ code: Code, _ message: String, path: String? = nil, permanence: Permanence = .permanent) {
    self.code = code
    self.message = message
    self.path = path
    self.permanence = permanence
  }

  /// The error itself when it is one of these, else one of this code that quotes it.
  public static func describing(_ error: any Error, as code: Code = .inputOutput) -> FreshetError {
    error as? FreshetError ?? FreshetError(code, "\(error)")
  }

  /// Whether a retry may help.
  public var isTransient: Bool {
    if case .transient = permanence { true } else { false }
  }

  /// `path: message`, or the message alone.
  public var description: String {
    if let path { "\(path): \(message)" } else { message }
  }

  /// The same failure, said of a path, when it names none yet.
  public func about(_ path: String) -> FreshetError {
    self.path == nil ? FreshetError(code, message, path: path, permanence: permanence) : self
  }
}

extension FreshetError.Code {
  // One document
  /// The file is above `sync.max_file_size`.
  public static let fileTooLarge = Self(rawValue: "file_too_large")
  /// The document holds no text that could be searched.
  public static let noText = Self(rawValue: "no_text")
  /// The document needs a password.
  public static let encrypted = Self(rawValue: "encrypted")
  /// The document cannot be opened or read.
  public static let unreadable = Self(rawValue: "unreadable")
  /// The document is not what its type says, or the parser died on it.
  public static let parserFailed = Self(rawValue: "parser_failed")
  /// Some of the file's records are not what its type says; the others were read.
  public static let partlyRead = Self(rawValue: "partly_read")
  /// The parser did not end within its deadline.
  public static let parserTimeout = Self(rawValue: "parser_timeout")
  /// The document is nested too deeply, or expands beyond its limit.
  public static let tooComplex = Self(rawValue: "too_complex")
  /// No parser knows the type.
  public static let unsupportedType = Self(rawValue: "unsupported_type")
  /// Two documents of one source have the same origin.
  public static let duplicateOrigin = Self(rawValue: "duplicate_origin")
  /// The embedder refused or failed on a text.
  public static let embedderFailed = Self(rawValue: "embedder_failed")
  /// The file changed each time that it was read.
  public static let changedWhileRead = Self(rawValue: "changed_while_read")

  // A collection
  /// There is no collection where one was expected.
  public static let noCollection = Self(rawValue: "no_collection")
  /// Another process writes the collection.
  public static let locked = Self(rawValue: "locked")
  /// The configuration is not valid.
  public static let invalidConfiguration = Self(rawValue: "invalid_configuration")
  /// The configuration names something that needs `freshet trust`.
  public static let untrustedConfiguration = Self(rawValue: "untrusted_configuration")
  /// The call's arguments do not fit.
  public static let invalidArgument = Self(rawValue: "invalid_argument")
  /// No such document, version, source or model.
  public static let notFound = Self(rawValue: "not_found")
  /// The database answered with an error.
  public static let storeFailed = Self(rawValue: "store_failed")
  /// The database file is damaged.
  public static let storeDamaged = Self(rawValue: "store_damaged")
  /// The disk or a quota is full.
  public static let diskFull = Self(rawValue: "disk_full")
  /// The vector index cannot be read, written or searched.
  public static let indexFailed = Self(rawValue: "index_failed")
  /// The model or a vector has another dimension or fingerprint than expected.
  public static let modelMismatch = Self(rawValue: "model_mismatch")
  /// The model's files are missing or damaged.
  public static let modelUnavailable = Self(rawValue: "model_unavailable")
  /// A source could not be listed.
  public static let sourceUnavailable = Self(rawValue: "source_unavailable")
  /// Deletions were held back.
  public static let deletionsHeld = Self(rawValue: "deletions_held")
  /// The history asked for is no longer kept.
  public static let historyPruned = Self(rawValue: "history_pruned")
  /// A file stands where one was to be written, with a content that is in no version.
  public static let wouldOverwrite = Self(rawValue: "would_overwrite")
  /// The log no longer has a consumer's position.
  public static let consumerLapsed = Self(rawValue: "consumer_lapsed")
  /// A receiver of events refused them.
  public static let deliveryFailed = Self(rawValue: "delivery_failed")
  /// A receiver of events wants no more of them.
  public static let receiverGone = Self(rawValue: "receiver_gone")
  /// A system call failed.
  public static let inputOutput = Self(rawValue: "input_output")
  /// A server could not be reached or answered with an error.
  public static let network = Self(rawValue: "network")
  /// The address is one that Freshet does not call.
  public static let forbiddenAddress = Self(rawValue: "forbidden_address")
}
