import FreshetEmbedding

/// The memory of a collection that is opened to read: what the folder cannot take, since the disk is full or it may not
/// be written, is remembered by this process alone, so that a search goes on.
final class ReaderProbeMemory: ProbeMemory {
  private let folder: FolderProbeMemory
  private let process = VolatileProbeMemory()

  init(folder: String) {
    self.folder = FolderProbeMemory(folder: folder)
  }

  func vector(for key: String) throws -> [Float]? {
    try folder.vector(for: key) ?? process.vector(for: key)
  }

  func keep(_ vector: [Float], for key: String) {
    do {
      try folder.keep(vector, for: key)
    } catch {
      process.keep(vector, for: key)
    }
  }
}
