import CVectorMath
import FreshetModel

/// The format of index files, version 1. Little endian.
///
///     0      header, 4096 bytes: magic, version, role, backend, dimension, counts, geometry, position, section table;
///            its last 4 bytes are the CRC-32C of those before
///     4096   payload: the sections, each at a multiple of 64
///            table: the CRC-32C of each 64 KiB of the payload
///
/// A file is immutable once it has its name. It is believed only when every byte of it is covered by a checksum that
/// holds; anything else is an error, and the index is built again from the store.
enum IndexFile {
  static let magic = Array("FRSHTVX\u{1A}".utf8)
  static let version: UInt32 = 1
  static let headerBytes = 4096
  static let blockBytes = 64 << 10
  static let maximumSections = 16
  static let maximumModelBytes = 1024
  static let maximumDimension = 1 << 16

  /// What a file is for.
  enum Role: UInt32 {
    /// A whole index.
    case base = 1
    /// What was added and removed since the file before it.
    case delta = 2
  }

  /// Where the fields of the header stand.
  enum Field {
    static let version = 8
    static let role = 12
    static let backend = 16
    static let dimension = 20
    static let count = 24
    static let fileBytes = 32
    static let payloadEnd = 40
    static let sections = 48
    static let tableChecksum = 52
    static let collection = 64
    static let epoch = 80
    static let sequence = 96
    static let chain = 104
    static let modelBytes = 136
    static let model = 140
    static let sectionTable = 2048
    static let headerChecksum = 4092
  }

  /// A part of the payload.
  struct Section {
    /// What it holds; the raw values are stored.
    enum Kind: UInt32 {
      case passages = 1
      case scales = 2
      case codes = 3
      case removals = 4
      case graphShape = 5
      case graphGround = 6
      case graphStarts = 7
      case graphUpper = 8
      case faiss = 9
    }

    let kind: Kind
    let bytes: UnsafeRawBufferPointer
    /// Keeps the bytes alive, where nothing else does.
    private let owner: AnyObject?

    /// Lends bytes that live until the file is written.
    init(_ kind: Kind, _ bytes: UnsafeRawBufferPointer, owner: AnyObject? = nil) {
      self.kind = kind
      self.bytes = bytes
      self.owner = owner
    }

    /// Copies bytes.
    init(_ kind: Kind, copying bytes: [UInt8]) {
      let memory = AlignedMemory(capacity: bytes.count)
      let start = memory.extend(by: bytes.count)
      bytes.withUnsafeBytes { source in
        if let address = source.baseAddress { start.copyMemory(from: address, byteCount: source.count) }
      }
      self.init(kind, UnsafeRawBufferPointer(start: start, count: bytes.count), owner: memory)
    }
  }

  static func backendNumber(_ backend: IndexBackend) -> UInt32 {
    switch backend {
    case .exact: 0
    case .hnsw: 1
    case .faiss: 2
    }
  }

  /// Writes a base.
  static func write(_ base: Layer, backend: IndexBackend, position: IndexPosition, to path: String) throws {
    try write(
      role: .base,
      backend: backend,
      segment: base.segment,
      extra: base.accelerator?.sections() ?? [],
      position: position,
      to: path
    )
  }

  /// Writes what was added and removed.
  static func writeDelta(
    added: Segment,
    removed: [PassageID],
    backend: IndexBackend,
    position: IndexPosition,
    to path: String
  ) throws {
    let removals = removed.withUnsafeBytes { Section(.removals, copying: Array($0)) }
    try write(role: .delta, backend: backend, segment: added, extra: [removals], position: position, to: path)
  }

  private static func write(
    role: Role,
    backend: IndexBackend,
    segment: Segment,
    extra: [Section],
    position: IndexPosition,
    to path: String
  ) throws {
    let model = Array(position.model.utf8)
    guard model.count <= maximumModelBytes else {
      throw FreshetError(.invalidArgument, "A model fingerprint has at most \(maximumModelBytes) bytes.")
    }
    let stored = segment.storedBytes
    let sections =
      [Section(.passages, stored.passages), Section(.scales, stored.scales), Section(.codes, stored.codes)] + extra
    var header = HeaderBytes()
    header.put(magic, at: 0)
    header.put(version, at: Field.version)
    header.put(role.rawValue, at: Field.role)
    header.put(backendNumber(backend), at: Field.backend)
    header.put(UInt32(segment.dimension), at: Field.dimension)
    header.put(UInt64(segment.count), at: Field.count)
    header.put(UInt32(sections.count), at: Field.sections)
    header.put(position.collection.bytes, at: Field.collection)
    header.put(position.epoch.bytes, at: Field.epoch)
    header.put(UInt64(bitPattern: position.sequence), at: Field.sequence)
    header.put(position.chain.bytes, at: Field.chain)
    header.put(UInt32(model.count), at: Field.modelBytes)
    header.put(model, at: Field.model)
    var offset = headerBytes
    var offsets: [Int] = []
    for (index, section) in sections.enumerated() {
      offset = aligned(offset)
      let entry = Field.sectionTable + index * 24
      header.put(section.kind.rawValue, at: entry)
      header.put(UInt64(offset), at: entry + 8)
      header.put(UInt64(section.bytes.count), at: entry + 16)
      offsets.append(offset)
      offset += section.bytes.count
    }
    let payloadEnd = aligned(offset)
    let blocks = (payloadEnd - headerBytes + blockBytes - 1) / blockBytes
    header.put(UInt64(payloadEnd), at: Field.payloadEnd)
    header.put(UInt64(payloadEnd + blocks * 4), at: Field.fileBytes)

    try DurableFile.replace(path) { file in
      // The header comes last: its checksum covers that of the table.
      try file.write(HeaderBytes().bytes)
      var payload = ChecksummedPayload(file: file)
      for (section, offset) in zip(sections, offsets) {
        try payload.pad(to: offset - headerBytes)
        try payload.append(section.bytes)
      }
      try payload.pad(to: payloadEnd - headerBytes)
      let table = try payload.finish()
      try file.write(table)
      header.put(table.withUnsafeBytes { freshet_crc32c(0, $0.baseAddress, $0.count) }, at: Field.tableChecksum)
      header.seal()
      try file.overwrite(header.bytes, at: 0)
    }
  }

  private static func aligned(_ offset: Int) -> Int {
    (offset + AlignedMemory.alignment - 1) / AlignedMemory.alignment * AlignedMemory.alignment
  }
}

/// The 4096 bytes at the start of an index file.
private struct HeaderBytes {
  private(set) var bytes = [UInt8](repeating: 0, count: IndexFile.headerBytes)

  mutating func put(_ value: some FixedWidthInteger, at offset: Int) {
    withUnsafeBytes(of: value.littleEndian) { put(Array($0), at: offset) }
  }

  mutating func put(_ value: [UInt8], at offset: Int) {
    bytes.replaceSubrange(offset..<offset + value.count, with: value)
  }

  /// Puts the checksum of everything before it.
  mutating func seal() {
    let checksum = bytes.withUnsafeBytes { freshet_crc32c(0, $0.baseAddress, IndexFile.Field.headerChecksum) }
    put(checksum, at: IndexFile.Field.headerChecksum)
  }
}

/// Writes the payload in large pieces and notes the checksum of each block.
private struct ChecksummedPayload {
  /// Bytes collected for a write: a multiple of the block.
  private static let bufferBytes = 16 * IndexFile.blockBytes

  let file: DurableFile
  private var buffer: [UInt8] = []
  private var table: [UInt8] = []
  private var written = 0

  init(file: DurableFile) {
    self.file = file
    buffer.reserveCapacity(Self.bufferBytes)
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = rest.prefix(Self.bufferBytes - buffer.count)
      buffer.append(contentsOf: piece)
      rest = rest.dropFirst(piece.count)
      if buffer.count == Self.bufferBytes { try flush() }
    }
  }

  mutating func pad(to offset: Int) throws {
    let zeros = [UInt8](repeating: 0, count: offset - written - buffer.count)
    try zeros.withUnsafeBytes { try append($0) }
  }

  mutating func finish() throws -> [UInt8] {
    try flush()
    return table
  }

  private mutating func flush() throws {
    let blocks = (buffer.count + IndexFile.blockBytes - 1) / IndexFile.blockBytes
    var checksums = [UInt32](repeating: 0, count: blocks)
    buffer.withUnsafeBytes {
      freshet_crc32c_blocks($0.baseAddress, $0.count, IndexFile.blockBytes, &checksums)
    }
    for checksum in checksums { withUnsafeBytes(of: checksum.littleEndian) { table.append(contentsOf: $0) } }
    try file.write(buffer)
    written += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }
}
