import CVectorMath
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How an index file is held.
public enum IndexOpenMode: Sendable {
  /// Mapped: for one-shot commands. An I/O error in a mapping kills the process, so long-lived ones do not.
  case mapped
  /// Read into memory of our own.
  case inMemory
}

extension IndexFile {
  /// The bytes of an index file whose checksums all hold.
  ///
  /// `@unchecked Sendable`: the bytes are not written after `init`, and released when the last user is gone.
  final class Image: @unchecked Sendable {
    let path: String
    let role: Role
    let backend: IndexBackend
    let dimension: Int
    let count: Int
    let position: IndexPosition
    /// Bytes of the file.
    var byteCount: Int { bytes.count }
    private let bytes: UnsafeRawBufferPointer
    private let isMapped: Bool
    private let sections: [Section.Kind: Range<Int>]

    /// Opens and checks a file.
    /// - Throws: `FreshetError` with `index_failed`, naming what does not hold; `not_found`, `unreadable` or
    ///   `input_output`.
    init(path: String, mode: IndexOpenMode) throws {
      let descriptor = try Descriptor(opening: path, flags: O_RDONLY)
      let size = Int(clamping: try descriptor.status().fingerprint.size)
      guard size >= headerBytes else { throw Self.damaged("it is too short", path) }
      let loaded = try Self.load(descriptor.number, size: size, mode: mode, path: path)
      do {
        let header = try Header(loaded, path: path)
        self.path = path
        role = header.role
        backend = header.backend
        dimension = header.dimension
        count = header.count
        position = header.position
        sections = header.sections
        bytes = loaded
        isMapped = mode == .mapped
      } catch {
        Self.release(loaded, isMapped: mode == .mapped)
        throw error
      }
    }

    deinit {
      Self.release(bytes, isMapped: isMapped)
    }

    /// The bytes of a section.
    func section(_ kind: Section.Kind) -> UnsafeRawBufferPointer? {
      sections[kind].map { UnsafeRawBufferPointer(rebasing: bytes[$0]) }
    }

    /// The vectors in the file, which stay in the image.
    func segment() throws -> Segment {
      let stride = freshet_code_stride(dimension)
      guard let passages = section(.passages), let scales = section(.scales), let codes = section(.codes),
        passages.count == count * MemoryLayout<PassageID>.stride,
        scales.count == count * MemoryLayout<Float>.stride, codes.count == count * stride,
        let passageStart = passages.baseAddress, let scaleStart = scales.baseAddress, let codeStart = codes.baseAddress
      else { throw Self.damaged("its sections do not fit its counts", path) }
      var last: PassageID = -1
      for passage in passages.bindMemory(to: PassageID.self) {
        guard passage > last else { throw Self.damaged("its passages are not in order", path) }
        last = passage
      }
      return Segment(
        dimension: dimension,
        count: count,
        passages: passageStart,
        scales: scaleStart,
        codes: codeStart,
        owners: [self]
      )
    }

    /// The passages that a delta removes.
    func removals() throws -> [PassageID] {
      guard let bytes = section(.removals) else { return [] }
      guard bytes.count.isMultiple(of: MemoryLayout<PassageID>.stride) else {
        throw Self.damaged("its sections do not fit its counts", path)
      }
      return Array(bytes.bindMemory(to: PassageID.self))
    }

    static func damaged(_ why: String, _ path: String) -> FreshetError {
      FreshetError(
        .indexFailed,
        "The index file is damaged (\(why)); `freshet reindex` builds it again from the stored vectors.",
        path: path
      )
    }

    private static func load(
      _ descriptor: Int32,
      size: Int,
      mode: IndexOpenMode,
      path: String
    ) throws -> UnsafeRawBufferPointer {
      switch mode {
      case .mapped:
        #if canImport(Glibc)
          let flags = MAP_SHARED | MAP_POPULATE
        #else
          let flags = MAP_SHARED
        #endif
        guard let address = mmap(nil, size, PROT_READ, flags, descriptor, 0), address != MAP_FAILED else {
          throw FreshetError.system(errno, "map", path: path)
        }
        return UnsafeRawBufferPointer(start: address, count: size)
      case .inMemory:
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: AlignedMemory.alignment)
        var done = 0
        while done < size, let start = memory.baseAddress {
          let result = pread(descriptor, start + done, size - done, off_t(done))
          if result < 0 && errno == EINTR { continue }
          guard result > 0 else {
            let failure =
              result < 0 ? FreshetError.system(errno, "read", path: path) : damaged("it became shorter", path)
            memory.deallocate()
            throw failure
          }
          done += result
        }
        return UnsafeRawBufferPointer(memory)
      }
    }

    private static func release(_ bytes: UnsafeRawBufferPointer, isMapped: Bool) {
      if isMapped {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
      } else {
        bytes.deallocate()
      }
    }
  }

  /// What the header says, checked against the file.
  private struct Header {
    let role: Role
    let backend: IndexBackend
    let dimension: Int
    let count: Int
    let position: IndexPosition
    var sections: [Section.Kind: Range<Int>] = [:]

    init(_ bytes: UnsafeRawBufferPointer, path: String) throws {
      func damaged(_ why: String) -> FreshetError { Image.damaged(why, path) }
      func word(_ offset: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      }
      func long(_ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      }
      func size(_ offset: Int) -> Int { Int(clamping: long(offset)) }
      guard bytes.prefix(magic.count).elementsEqual(magic) else { throw damaged("it is not an index file") }
      guard freshet_crc32c(0, bytes.baseAddress, Field.headerChecksum) == word(Field.headerChecksum) else {
        throw damaged("the checksum of its header does not hold")
      }
      guard word(Field.version) == version else {
        throw damaged("it has version \(word(Field.version)), this program reads \(version)")
      }
      let payloadEnd = size(Field.payloadEnd)
      guard let role = Role(rawValue: word(Field.role)),
        let backend = IndexBackend.allCases.first(where: { backendNumber($0) == word(Field.backend) }),
        (1...maximumDimension).contains(Int(word(Field.dimension))), size(Field.count) <= Segment.maximumRows,
        size(Field.fileBytes) == bytes.count, payloadEnd >= headerBytes, payloadEnd <= bytes.count,
        word(Field.sections) <= maximumSections, word(Field.modelBytes) <= maximumModelBytes,
        let collection = CollectionID(bytes: bytes[Field.collection..<Field.collection + 16]),
        let epoch = CollectionID(bytes: bytes[Field.epoch..<Field.epoch + 16]),
        let chain = ContentHash(bytes: bytes[Field.chain..<Field.chain + 32])
      else { throw damaged("its header does not fit the file") }
      self.role = role
      self.backend = backend
      dimension = Int(word(Field.dimension))
      count = size(Field.count)
      position = IndexPosition(
        collection: collection,
        epoch: epoch,
        sequence: SequenceNumber(bitPattern: long(Field.sequence)),
        chain: chain,
        model: String(
          decoding: bytes[Field.model..<Field.model + Int(word(Field.modelBytes))],
          as: UTF8.self
        )
      )
      let table = bytes[payloadEnd...]
      let blocks = (payloadEnd - headerBytes + blockBytes - 1) / blockBytes
      guard table.count == blocks * 4,
        freshet_crc32c(0, bytes.baseAddress.map { $0 + payloadEnd }, table.count) == word(Field.tableChecksum)
      else { throw damaged("its table of checksums does not hold") }
      var checksums = [UInt32](repeating: 0, count: blocks)
      freshet_crc32c_blocks(
        bytes.baseAddress.map { $0 + headerBytes },
        payloadEnd - headerBytes,
        blockBytes,
        &checksums
      )
      for (block, checksum) in checksums.enumerated() where checksum != word(payloadEnd + block * 4) {
        throw damaged("the checksum of block \(block) does not hold")
      }
      for index in 0..<Int(word(Field.sections)) {
        let entry = Field.sectionTable + index * 24
        let (start, length) = (size(entry + 8), size(entry + 16))
        guard let kind = Section.Kind(rawValue: word(entry)), start >= headerBytes, start <= payloadEnd,
          start.isMultiple(of: AlignedMemory.alignment), length <= payloadEnd - start
        else { throw damaged("its section table does not fit the file") }
        sections[kind] = start..<start + length
      }
    }
  }
}
