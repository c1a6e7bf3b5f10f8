import CSystem
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Walks a directory in the byte order of the paths: a folder's names are sorted as if folders ended in a slash.
///
/// One folder at a time is read whole; the stack holds the folders above. Descriptors of the upper `heldDepth` folders stay
/// open; a deeper one is opened again when the walk returns to it.
struct DirectoryWalker: ~Copyable {
  static let batchSize = 1_024
  private static let heldDepth = 128
  private static let followedLinksMax = 8
  /// Steps between two looks at whether the task was cancelled.
  private static let cancellationInterval = 64

  private struct Frame {
    var entries: FolderEntries
    var next = 0
    /// `nil` while it is closed.
    var folder: Descriptor?
    let identity: FileIdentity
    /// The length of its path with the slash; 0 for the root.
    let prefix: Int
    let followedLinks: Int
    /// What of it is listed: paths within it; `nil`: everything.
    let focus: [[UInt8]]?
    /// When it was read, before any file in it was examined.
    let observed: Int64
  }

  private let root: DirectoryRoot
  private let configuration: DirectoryConfiguration
  private let scope: ScopeRules
  private let clock: any WallClock
  private let ignoreFiles: IgnoreFiles
  private let excluded: Set<FileIdentity>
  private var reader = FolderReader()
  private var ignored = IgnoreStack()
  private var frames: [Frame] = []
  private var path: [UInt8] = []
  private var batch = ListingBatch()
  private var started = false
  private let focus: [[UInt8]]?

  init(
    root: DirectoryRoot,
    configuration: DirectoryConfiguration,
    scope: ScopeRules,
    clock: any WallClock,
    focus: [[UInt8]]?
  ) {
    self.root = root
    self.configuration = configuration
    self.scope = scope
    self.clock = clock
    self.focus = focus
    ignoreFiles = IgnoreFiles(respectsGitignore: configuration.respectsGitignore)
    excluded = FileIdentity.all(configuration.excludedFolders)
  }

  /// The next batch; `nil` at the end.
  ///
  /// - Throws: `CancellationError`; what was found since the last batch is not lost for a next call.
  mutating func next() throws -> ListingBatch? {
    try Task.checkCancellation()
    if !started {
      started = true
      try enterRoot()
    }
    var steps = 0
    while !frames.isEmpty, batch.items.count + batch.skipped.count + batch.problems.count < Self.batchSize {
      try step()
      steps += 1
      // A rule may leave out millions between two items.
      if steps.isMultiple(of: Self.cancellationInterval) { try Task.checkCancellation() }
    }
    if frames.isEmpty, batch.items.isEmpty, batch.skipped.isEmpty, batch.problems.isEmpty { return nil }
    defer { batch = ListingBatch() }
    return batch
  }

  private mutating func enterRoot() throws {
    do {
      ignored.push(try EnclosingIgnoreFiles(above: configuration))
    } catch let error as FreshetError {
      batch.problems.append(ListingProblem(path: [], error: error))
      return
    }
    try enter(root.folder, identity: root.status.identity, followedLinks: 0, focus: focus)
  }

  /// Reads a folder, whose path with its slash is `path`, and puts it on the stack.
  private mutating func enter(
    _ folder: Descriptor,
    identity: FileIdentity,
    followedLinks: Int,
    focus: [[UInt8]]?
  ) throws {
    try Task.checkCancellation()
    let observed = clock.now().nanoseconds
    var entries = FolderEntries()
    if let focus {
      for name in Set(focus.map { Array($0.prefix { $0 != UInt8(ascii: "/") }) }) {
        name.withUnsafeBytes { entries.append($0, nil) }
      }
    } else {
      let failure = try reader.read(folder.number) {
        entries.append($0, $1)
        if entries.count.isMultiple(of: Self.batchSize) { try Task.checkCancellation() }
      }
      if failure != 0 { report(failure, "read the folder", path.dropLast()) }
    }
    entries.resolveKinds(in: folder.number, followsFolders: configuration.links == .foldersWithinRoot)
    entries.sort()
    let (hasGitignore, hasOwnIgnore) = (
      focus != nil || entries.hasGitignore, focus != nil || entries.hasOwnIgnore
    )
    if hasGitignore || hasOwnIgnore {
      do {
        let files = try ignoreFiles.read(in: folder) { $0 == IgnoreFiles.gitName ? hasGitignore : hasOwnIgnore }
        for file in files { ignored.push(file.rules, prefix: path.count, file: file.name) }
      } catch let error as FreshetError {
        let path = Array(path.dropLast())
        batch.problems.append(ListingProblem(path: path, error: error.about(PathEncoding.origin(of: path))))
        return
      }
    }
    let frame = Frame(
      entries: entries,
      folder: folder,
      identity: identity,
      prefix: path.count,
      followedLinks: followedLinks,
      focus: focus,
      observed: observed
    )
    frames.append(frame)
  }

  private mutating func step() throws {
    let top = frames.count - 1
    let prefix = frames[top].prefix
    path.removeLast(path.count - prefix)
    guard frames[top].next < frames[top].entries.count else {
      ignored.pop(to: prefix)
      frames.removeLast()
      return
    }
    let index = frames[top].next
    frames[top].next += 1
    let kind = frames[top].entries.kind(at: index)
    frames[top].entries.withName(at: index) { path.append(contentsOf: $0) }
    switch kind {
    case .folder, .linkedFolder: try visitFolder(index, isLink: kind == .linkedFolder)
    case .file: visitFile(index)
    case .link: visitLink()
    case .special: visitSpecial()
    case .missing: break
    }
  }

  /// Why the path, a file, is no item.
  private func reason() -> String? {
    let offset = frames[frames.count - 1].prefix
    return path.withUnsafeBytes { path in
      scope.reasonAgainst(file: path, nameOffset: offset)
        ?? (ignored.isEmpty ? nil : ignored.reason(path, nameOffset: offset, isFolder: false))
    }
  }

  /// The descriptor of the top folder, opened again if needed.
  private mutating func currentFolder() -> Descriptor? {
    let top = frames.count - 1
    if let folder = frames[top].folder { return folder }
    let folderPath = Array(path.prefix(max(0, frames[top].prefix - 1)))
    let number = root.open(folderPath, flags: O_RDONLY | O_DIRECTORY | O_NONBLOCK)
    guard number >= 0 else {
      report(-number, "open the folder again", folderPath[...])
      return nil
    }
    let folder = Descriptor(owning: number)
    guard let status = try? folder.status(), status.identity == frames[top].identity
    else {
      report(EAGAIN, "list the folder, which was replaced meanwhile", folderPath[...])
      return nil
    }
    frames[top].folder = folder
    return folder
  }

  private mutating func visitFile(_ index: Int) {
    if reason() != nil { return }
    guard let folder = currentFolder() else { return }
    var status = freshet_status()
    let top = frames.count - 1
    let result = frames[top].entries.withName(at: index) { name in
      freshet_status_at(folder.number, name.baseAddress?.assumingMemoryBound(to: CChar.self), false, &status)
    }
    if result == -ENOENT || result == -ENOTDIR { return }
    guard result == 0 else { return report(-result, "examine the file", path[...]) }
    take(FileStatus(status))
  }

  private mutating func take(_ status: FileStatus) {
    switch status.kind {
    case .file: break
    // It has changed since the folder was read; the next listing finds it as what it is.
    case .folder, .link: return report(EAGAIN, "list it, which changed its type meanwhile", path[...])
    default: return visitSpecial()
    }
    guard status.fingerprint.size <= configuration.fileSizeMax else {
      let (size, most) = (status.fingerprint.size, configuration.fileSizeMax)
      return skip(
        .fileTooLarge,
        "the file has \(size) bytes, above the limit of \(most); raise sync.max_file_size to include it"
      )
    }
    let observed = frames[frames.count - 1].observed
    if batch.items.isEmpty { batch.items.reserveCapacity(Self.batchSize) }
    batch.items.append(
      ListedItem(
        // A copy: sharing the buffer would make the next step copy it, and then grow it.
        path: path.withUnsafeBytes { Array($0) },
        fingerprint: status.fingerprint.on(volume: volume(of: status.fingerprint.device)),
        isRacy: status.fingerprint.isRacy(observed: observed, granularity: root.volume.granularity)
      )
    )
  }

  /// The number of the file system with this device number, on which the file at `path` is.
  private func volume(of device: UInt64) -> UInt64 {
    let frame = frames[frames.count - 1]
    if device == frame.identity.device, let folder = frame.folder {
      return root.volumes.number(of: device, at: folder.number)
    }
    // A link that leads to another file system, or a file that is mounted by itself.
    let number = root.open(path, flags: freshet_path_only)
    guard number >= 0 else { return device }
    return root.volumes.number(of: device, at: Descriptor(owning: number).number)
  }

  private mutating func visitLink() {
    guard configuration.links != .ignore, reason() == nil else { return }
    let number = root.open(path, flags: freshet_path_only)
    switch number {
    case -ENOENT, -ENOTDIR: return skip(.notFound, "the link leads nowhere")
    case -ELOOP: return skip(.unreadable, "the link leads to itself or through too many links")
    case -EXDEV:
      return skip(.unreadable, "the link leads out of the source; copy the file, or make its folder a source")
    case ..<0: return report(-number, "follow the link", path[...])
    default: break
    }
    let target = Descriptor(owning: number)
    guard let status = try? target.status() else { return report(EIO, "examine the link's target", path[...]) }
    // A link to a folder is an item of nobody.
    if status.kind != .folder { take(status) }
  }

  private mutating func visitSpecial() {
    if reason() != nil { return }
    skip(.unsupportedType, "it is a pipe, socket or device, and only regular files are read")
  }

  private mutating func visitFolder(_ index: Int, isLink: Bool) throws {
    let top = frames.count - 1
    let frame = frames[top]
    guard configuration.isRecursive else { return }
    let against = path.withUnsafeBytes { path in
      scope.reasonAgainst(folder: path, nameOffset: frame.prefix)
        ?? (ignored.isEmpty ? nil : ignored.reason(path, nameOffset: frame.prefix, isFolder: true))
    }
    if against != nil { return }
    guard frames.count <= configuration.depthMax else {
      return problem(
        FreshetError(.tooComplex, "the folder is nested more than \(configuration.depthMax) deep; move it up")
      )
    }
    guard let parent = currentFolder() else { return }
    let flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK
    let number =
      isLink
      ? root.open(path, flags: flags)
      : frames[top].entries.withName(at: index) { name in
        freshet_open_at(
          parent.number,
          name.baseAddress?.assumingMemoryBound(to: CChar.self),
          flags | O_NOFOLLOW,
          0
        )
      }
    if number == -ENOENT || number == -ENOTDIR { return }
    if isLink, number == -EXDEV { return skip(.unreadable, "the link leads out of the source") }
    guard number >= 0 else {
      // A folder that is passed over need not be readable.
      if !excluded.isEmpty, let identity = identity(of: index, in: parent), excluded.contains(identity) { return }
      return report(-number, "open the folder", path[...])
    }
    let folder = Descriptor(owning: number)
    guard let status = try? folder.status() else { return report(EIO, "examine the folder", path[...]) }
    let identity = status.identity
    if excluded.contains(identity) { return }
    if isLink {
      guard frame.followedLinks < Self.followedLinksMax,
        !frames.contains(where: { $0.identity == identity })
      else { return skip(.unreadable, "the link leads back into a folder that it stands in, or is one of too many") }
    }
    let name = Array(path[frame.prefix...])
    path.append(UInt8(ascii: "/"))
    if frames.count > Self.heldDepth { frames[top].folder = nil }
    try enter(
      folder,
      identity: identity,
      followedLinks: frame.followedLinks + (isLink ? 1 : 0),
      focus: frame.focus.flatMap { Self.focus($0, below: name) }
    )
  }

  private func identity(of index: Int, in folder: Descriptor) -> FileIdentity? {
    var status = freshet_status()
    let result = frames[frames.count - 1].entries.withName(at: index) {
      freshet_status_at(folder.number, $0.baseAddress?.assumingMemoryBound(to: CChar.self), true, &status)
    }
    return result == 0 ? FileStatus(status).identity : nil
  }

  /// What of the named paths lies below a name; `nil` when the name itself is one.
  private static func focus(_ focus: [[UInt8]], below name: [UInt8]) -> [[UInt8]]? {
    if focus.contains(name) { return nil }
    let start = name + [UInt8(ascii: "/")]
    return focus.filter { $0.starts(with: start) }.map { Array($0.dropFirst(start.count)) }
  }

  private mutating func skip(_ code: FreshetError.Code, _ sentence: String) {
    let error = FreshetError(code, sentence, path: PathEncoding.origin(of: path))
    batch.skipped.append(SkippedItem(path: path, reason: error))
  }

  private mutating func problem(_ error: FreshetError) {
    batch.problems.append(ListingProblem(path: path, error: error.about(PathEncoding.origin(of: path))))
  }

  private mutating func report(_ number: Int32, _ action: String, _ path: ArraySlice<UInt8>) {
    let path = Array(path)
    let error = FreshetError.system(number, action, path: PathEncoding.origin(of: path))
    batch.problems.append(ListingProblem(path: path, error: error))
  }
}

extension FileIdentity {
  /// Those of the folders that exist.
  static func all(_ folders: [String]) -> Set<FileIdentity> {
    Set(folders.compactMap { try? FileStatus(of: $0).identity })
  }
}

extension ItemFingerprint {
  /// Whether the file changed so shortly before it was seen that a second change could have the same times.
  ///
  /// A change at a whole second means a file system that counts in seconds, whatever its kind (ext3, ext4 with small
  /// inodes): an exact clock hits one once in a billion times.
  public func isRacy(observed: Int64, granularity: Int64) -> Bool {
    let isWholeSecond = changed.isMultiple(of: 1_000_000_000)
    let granularity = isWholeSecond ? max(granularity, Volume.coarseGranularity) : granularity
    let (age, overflow) = observed.subtractingReportingOverflow(max(modified, changed))
    return overflow || age < granularity
  }
}
