internal import Synchronization

/// What handlers, workers and others saw, in order.
package final class Record<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    package init() {}

    package func add(_ element: Element) { elements.withLock { $0.append(element) } }

    package var all: [Element] { elements.withLock { $0 } }
    package var count: Int { elements.withLock { $0.count } }
}
