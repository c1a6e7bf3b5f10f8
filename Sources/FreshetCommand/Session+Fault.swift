import Freshet
import FreshetCommandLine
import FreshetConfiguration
import FreshetModel
import FreshetService
import FreshetSystem

/// What a call knows that can do with less than a usable configuration.
struct PartialConfiguration: Sendable {
  /// The configuration; with a fault only its file and its collection are of the call's, everything else is by default.
  var configuration: Configuration
  /// Why it cannot be used.
  var fault: FreshetError?
  /// How the collection's place is known.
  var knowledge = CollectionPlace.Knowledge.file
}

/// Calls that a faulty configuration does not keep from their work: ending a service, asking how the collection is, and
/// what a service can answer that still works with the configuration before.
///
/// A faulty file is not believed what it says of the collection: it must be one that was synced with this very file, or
/// whose service works with it. The place that the environment names is the user's own word.
extension Session {
  /// The configuration, or what is known of one that is faulty, or not trusted: where its collection is.
  ///
  /// - Throws: `FreshetError`: the fault, when the place is not known either.
  func partialConfiguration() throws -> PartialConfiguration {
    do {
      return PartialConfiguration(configuration: try configuration())
    } catch let fault as FreshetError {
      guard let file = try configurationFile(), let place = try loader().collectionPlace(of: file) else { throw fault }
      var configuration = Configuration(file: file, folder: FileSystem.split(file).folder)
      configuration.collection = place.path
      configuration.embedder.provider = .none
      return PartialConfiguration(configuration: configuration, fault: fault, knowledge: place.knowledge)
    }
  }

  /// Says that the call goes on though the configuration is faulty.
  func warn(of fault: FreshetError) {
    diagnostics.warning("The configuration cannot be used: \(fault)".displayable)
  }

  /// As `reading`, also while the configuration is faulty; that is warned of, and the body gets the fault.
  ///
  /// - Throws: `FreshetError`: the fault, where no collection is known to be the configuration's.
  func readingDespiteFault<Result>(
    _ body: (Collection, FreshetError?) async throws -> Result
  ) async throws -> Result {
    let partial = try partialConfiguration()
    guard let fault = partial.fault else {
      return try await closing(try await open(.reading, partial.configuration)) { try await body($0, nil) }
    }
    let collection: Collection
    do {
      collection = try await open(.reading, partial.configuration)
    } catch let error as FreshetError where error.code == .noCollection {
      throw fault
    }
    return try await closing(collection) { collection in
      let recorded = try await collection.recordedConfiguration()
      guard partial.knowledge == .environment || recorded.map({ partial.isFile($0) }) == true else { throw fault }
      warn(of: fault)
      return try await body(collection, fault)
    }
  }

  /// As `reading`; while the configuration is faulty, the service that works with the one before runs the call.
  ///
  /// - Throws: `FreshetError`: the fault, where no service does; `CallEnded` when one ran the call.
  func readingOrForwarded<Result>(_ body: (Collection) async throws -> Result) async throws -> Result {
    let partial = try partialConfiguration()
    guard let fault = partial.fault, fault.code == .invalidConfiguration else {
      if let fault = partial.fault { throw fault }
      return try await closing(try await open(.reading, partial.configuration), body)
    }
    if let host {
      diagnostics.warning(
        "The configuration cannot be used, so the service answers with the one before: \(fault)".displayable
      )
      return try await body(host.collection)
    }
    let client = ControlClient(folder: CollectionFolder(path: partial.configuration.collection))
    guard try await isServed(partial, by: client.ask(.status)), let code = try await forward(partial.configuration)
    else { throw fault }
    throw CallEnded(code)
  }

  /// Whether a service, by its answer, is that of a faulty configuration.
  private func isServed(_ partial: PartialConfiguration, by status: JSONValue?) -> Bool {
    status.map { partial.knowledge == .environment || partial.isConfiguration(of: $0) } ?? false
  }

  /// Passes when a service may be asked that listens at the place of a configuration; a fault is warned of.
  ///
  /// - Throws: `FreshetError` where it is not known that the service, or its absence, is that of a faulty configuration.
  func requireOwnService(_ partial: PartialConfiguration, _ client: ControlClient) async throws {
    guard let fault = partial.fault else { return }
    let status = try await client.ask(.status)
    if partial.knowledge == .assumed, status == nil {
      let folder = CollectionFolder(path: partial.configuration.collection)
      let silent = try folder.writer().flatMap { $0.isService ? $0.process : nil }
      let found = silent.map { "a service runs that cannot be asked (process \($0))" } ?? "no service runs"
      throw FreshetError(
        fault.code,
        "\(sentence(fault)) So it is not known for certain which collection it names; in "
          + "\(folder.path) \(found). Mend the file, or name the collection: "
          + "`FRESHET_COLLECTION=FOLDER freshet \(invocation.words.joined(separator: " "))`",
        path: fault.path
      )
    }
    guard status == nil || isServed(partial, by: status) else {
      throw FreshetError(
        fault.code,
        "\(sentence(fault)) And the service that runs in \(partial.configuration.collection) works with another "
          + "configuration. Mend the file, or name the other one with `--config`",
        path: fault.path
      )
    }
    warn(of: fault)
  }

  private func sentence(_ fault: FreshetError) -> String {
    fault.message + (fault.message.hasSuffix(".") ? "" : ".")
  }
}

extension PartialConfiguration {
  /// Whether a service, by its answer, works with this configuration's file; one that has no file, or does not say, only
  /// counts when its collection lies in the file's folder.
  fileprivate func isConfiguration(of status: JSONValue) -> Bool {
    if case .string(let file)? = status["configuration"] { return isFile(file) }
    return configuration.collection.hasPrefix(configuration.folder + "/")
  }

  /// Whether a path is that of its file.
  fileprivate func isFile(_ path: String) -> Bool {
    guard let file = configuration.file else { return false }
    if path == file { return true }
    let (left, right) = (try? FileSystem.resolved(path), try? FileSystem.resolved(file))
    return left != nil && left == right
  }
}
