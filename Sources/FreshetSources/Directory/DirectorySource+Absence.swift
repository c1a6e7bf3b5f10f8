import CSystem
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension DirectorySource {
  public func absence(of path: [UInt8], fingerprint: ItemFingerprint) async -> Absence {
    let root: DirectoryRoot
    do {
      root = try roots.current()
    } catch let error as FreshetError {
      return .unknown(error)
    } catch {
      return .unknown(FreshetError(.sourceUnavailable, "\(error)", path: location))
    }
    if isSetAside(path, in: root) { return .setAside }
    return judge(path, fingerprint, root)
  }

  private func judge(_ path: [UInt8], _ fingerprint: ItemFingerprint, _ root: DirectoryRoot) -> Absence {
    let origin = PathEncoding.origin(of: path)
    let excluded = FileIdentity.all(configuration.excludedFolders)
    let ignoreFiles = IgnoreFiles(respectsGitignore: configuration.respectsGitignore)
    var ignored = IgnoreStack()
    do {
      ignored.push(try EnclosingIgnoreFiles(above: configuration))
    } catch let error as FreshetError {
      return .unknown(error)
    } catch {
      return .unknown(FreshetError(.unreadable, "\(error)", path: origin))
    }
    var folder = root.folder
    var prefix = 0
    while true {
      do {
        for file in try ignoreFiles.read(in: folder) { ignored.push(file.rules, prefix: prefix, file: file.name) }
      } catch let error as FreshetError {
        return .unknown(error.about(PathEncoding.origin(of: Array(path[..<max(0, prefix - 1)]))))
      } catch {
        return .unknown(FreshetError(.unreadable, "\(error)", path: origin))
      }
      guard let slash = path[prefix...].firstIndex(of: UInt8(ascii: "/")) else { break }
      let part = Array(path[..<slash])
      if !configuration.isRecursive { return .outOfScope("subfolders are not entered (recursive: false)") }
      let reason = part.withUnsafeBytes {
        scope.reasonAgainst(folder: $0, nameOffset: prefix) ?? ignored.reason($0, nameOffset: prefix, isFolder: true)
      }
      // Opened for reading: a folder that cannot be read may hold it.
      let number = root.open(part, flags: O_RDONLY | O_DIRECTORY | O_NONBLOCK)
      if number == -ENOENT || number == -ENOTDIR { return gone(folder, root, fingerprint, origin) }
      if number == -EXDEV { return .outOfScope("its folder is now a link that leads out of the source") }
      if let reason {
        if number >= 0 { close(number) }
        return .outOfScope(reason)
      }
      guard number >= 0 else {
        let status = folderStatus(Array(path[prefix..<slash]), in: folder, following: true)
        if let status, excluded.contains(status.identity) {
          return .outOfScope(Self.belongsElsewhere)
        }
        return .unknown(.system(number, "open its folder", path: origin))
      }
      if configuration.links != .foldersWithinRoot,
        folderStatus(Array(path[prefix..<slash]), in: folder, following: false)?.kind == .link
      {
        close(number)
        return .outOfScope("its folder is a link now, and links to folders are not followed")
      }
      folder = Descriptor(owning: number)
      guard let status = try? folder.status() else { return .unknown(.system(EIO, "examine its folder", path: origin)) }
      if excluded.contains(status.identity) {
        return .outOfScope(Self.belongsElsewhere)
      }
      prefix = slash + 1
    }
    return judgeFile(path, fingerprint, root, folder: folder, ignored: ignored)
  }

  private static let belongsElsewhere = "its folder belongs to the collection or to another source"

  private func folderStatus(_ name: [UInt8], in folder: Descriptor, following: Bool) -> FileStatus? {
    var found = freshet_status()
    let result = (name + [0]).withUnsafeBytes {
      freshet_status_at(folder.number, $0.baseAddress?.assumingMemoryBound(to: CChar.self), following, &found)
    }
    return result == 0 ? FileStatus(found) : nil
  }

  private func judgeFile(
    _ path: [UInt8],
    _ fingerprint: ItemFingerprint,
    _ root: DirectoryRoot,
    folder: Descriptor,
    ignored: IgnoreStack
  ) -> Absence {
    let origin = PathEncoding.origin(of: path)
    let prefix = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    var found = freshet_status()
    let name = Array(path[prefix...]) + [0]
    let result = name.withUnsafeBytes {
      freshet_status_at(folder.number, $0.baseAddress?.assumingMemoryBound(to: CChar.self), false, &found)
    }
    if result == -ENOENT || result == -ENOTDIR { return gone(folder, root, fingerprint, origin) }
    guard result == 0 else { return .unknown(.system(result, "examine the file", path: origin)) }
    var status = FileStatus(found)
    let reason = path.withUnsafeBytes {
      scope.reasonAgainst(file: $0, nameOffset: prefix) ?? ignored.reason($0, nameOffset: prefix, isFolder: false)
    }
    if status.kind == .folder { return gone(folder, root, fingerprint, origin) }
    if let reason { return .outOfScope(reason) }
    if status.kind == .link {
      if configuration.links == .ignore { return .outOfScope("it is a link now, and links are left out") }
      let number = root.open(path, flags: freshet_path_only)
      if number == -EXDEV { return .outOfScope("it is a link that leads out of the source") }
      if number == -ENOENT || number == -ENOTDIR || number == -ELOOP { return gone(folder, root, fingerprint, origin) }
      guard number >= 0 else { return .unknown(.system(number, "follow the link", path: origin)) }
      let target = Descriptor(owning: number)
      guard let targetStatus = try? target.status() else {
        return .unknown(.system(EIO, "examine the link's target", path: origin))
      }
      status = targetStatus
    }
    if status.kind != .file { return .outOfScope("it is no regular file any more") }
    if status.fingerprint.size > configuration.fileSizeMax {
      let (size, most) = (status.fingerprint.size, configuration.fileSizeMax)
      return .outOfScope("it has \(size) bytes, above the limit of \(most) (sync.max_file_size)")
    }
    return .unknown(
      FreshetError(
        .changedWhileRead,
        "the file came back while the source was listed; the next sync takes it up",
        path: origin,
        permanence: .transient(retryAfter: nil)
      )
    )
  }

  /// Nothing is there: that counts if we look at the file system that it was on.
  private func gone(
    _ folder: Descriptor,
    _ root: DirectoryRoot,
    _ fingerprint: ItemFingerprint,
    _ origin: String
  ) -> Absence {
    guard let status = try? folder.status() else { return .unknown(.system(EIO, "examine its folder", path: origin)) }
    let volume = root.volumes.number(of: status.fingerprint.device, at: folder.number)
    if volume == fingerprint.device { return .vanished }
    return .unknown(
      FreshetError(
        .deletionsHeld,
        "the file was on another disk, which is not mounted here now; mount it and sync again, or use "
          + "--allow-mass-delete if it is gone for good",
        path: origin,
        permanence: .transient(retryAfter: nil)
      )
    )
  }
}
