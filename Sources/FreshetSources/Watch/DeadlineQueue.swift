/// Paths by the time at which they are to be looked at, earliest first: a binary heap.
struct DeadlineQueue: Sendable {
  struct Element: Sendable {
    let time: Duration
    let path: [UInt8]
  }

  private var heap: [Element] = []

  var first: Duration? { heap.first?.time }
  var count: Int { heap.count }

  mutating func insert(_ path: [UInt8], at time: Duration) {
    heap.append(Element(time: time, path: path))
    var index = heap.count - 1
    while index > 0, heap[index].time < heap[(index - 1) / 2].time {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  /// Takes out the earliest one that is due.
  mutating func popFirst(until now: Duration) -> Element? {
    guard let first = heap.first, first.time <= now, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return first }
    heap[0] = last
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child].time < heap[least].time {
        least = child
      }
      if least == index { return first }
      heap.swapAt(index, least)
      index = least
    }
  }

  /// Keeps those that the condition holds for.
  mutating func filter(_ isKept: (Element) -> Bool) {
    let kept = heap.filter(isKept)
    heap = []
    for element in kept { insert(element.path, at: element.time) }
  }
}
