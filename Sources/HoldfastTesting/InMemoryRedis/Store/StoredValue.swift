/// The value of a key.
class StoredValue {
    /// What `TYPE` returns.
    class var typeName: String { "none" }
    /// An empty value does not exist: its key is removed.
    var isEmpty: Bool { false }
}

final class StoredString: StoredValue {
    override class var typeName: String { "string" }
    var bytes: [UInt8] = []
}

final class StoredHash: StoredValue {
    override class var typeName: String { "hash" }
    override var isEmpty: Bool { fields.isEmpty }
    var fields: [[UInt8]: [UInt8]] = [:]
}

final class StoredSet: StoredValue {
    override class var typeName: String { "set" }
    override var isEmpty: Bool { members.isEmpty }
    var members: Set<[UInt8]> = []
}

final class StoredList: StoredValue {
    override class var typeName: String { "list" }
    override var isEmpty: Bool { elements.isEmpty }
    var elements: [[UInt8]] = []
}

final class StoredSortedSet: StoredValue {
    struct Place: Comparable {
        var score: Double
        var member: [UInt8]

        static func < (one: Place, other: Place) -> Bool {
            one.score != other.score
                ? one.score < other.score : one.member.lexicographicallyPrecedes(other.member)
        }
    }

    override class var typeName: String { "zset" }
    override var isEmpty: Bool { places.isEmpty }
    private(set) var places: [Place] = []
    private(set) var scores: [[UInt8]: Double] = [:]

    func set(_ member: [UInt8], to score: Double) {
        if let old = scores[member] {
            if old == score { return }
            remove(member)
        }
        scores[member] = score
        let place = Place(score: score, member: member)
        places.insert(place, at: places.firstIndex(from: place))
    }

    @discardableResult
    func remove(_ member: [UInt8]) -> Bool {
        guard let score = scores.removeValue(forKey: member) else { return false }
        places.remove(at: places.firstIndex(from: Place(score: score, member: member)))
        return true
    }
}

final class StoredStream: StoredValue {
    struct ID: Comparable, Hashable {
        var milliseconds: UInt64
        var number: UInt64

        static func < (one: ID, other: ID) -> Bool {
            (one.milliseconds, one.number) < (other.milliseconds, other.number)
        }

        var next: ID { ID(milliseconds: milliseconds, number: number + 1) }
        var bytes: [UInt8] { Array("\(milliseconds)-\(number)".utf8) }
    }

    struct Entry: Comparable {
        var id: ID
        var fields: [[UInt8]]

        static func < (one: Entry, other: Entry) -> Bool { one.id < other.id }
    }

    override class var typeName: String { "stream" }
    var entries: [Entry] = []
    var last = ID(milliseconds: 0, number: 0)
    /// How far each group has read.
    var groups: [[UInt8]: ID] = [:]

    /// The entries from one id to another, both inclusive.
    func range(_ first: ID, _ last: ID) -> ArraySlice<Entry> {
        let start = entries.firstIndex(from: Entry(id: first, fields: []))
        return entries[start...].prefix { $0.id <= last }
    }
}

extension Array where Element: Comparable {
    /// Where `element` is, or would be, in this sorted array.
    func firstIndex(from element: Element) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < element { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
