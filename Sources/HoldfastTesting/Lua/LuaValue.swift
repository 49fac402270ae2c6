/// A value of the scripting language.
enum LuaValue: Hashable {
    case none
    case boolean(Bool)
    case number(Double)
    case string([UInt8])
    case table(LuaTable)
    case function(LuaFunction)

    static func text(_ text: String) -> LuaValue { .string(Array(text.utf8)) }

    var isTrue: Bool {
        switch self {
        case .none, .boolean(false): false
        default: true
        }
    }

    var typeName: String {
        switch self {
        case .none: "nil"
        case .boolean: "boolean"
        case .number: "number"
        case .string: "string"
        case .table: "table"
        case .function: "function"
        }
    }

    /// The value as a number, as arithmetic takes it: a text that spells a number counts.
    var asNumber: Double? {
        switch self {
        case .number(let number): number
        case .string(let bytes): LuaNumber.parse(bytes)
        default: nil
        }
    }

    /// The value as a text, as concatenation takes it.
    var asBytes: [UInt8]? {
        switch self {
        case .string(let bytes): bytes
        case .number(let number): Array(LuaNumber.text(number).utf8)
        default: nil
        }
    }
}

final class LuaTable: Hashable {
    /// The values at 1, 2, 3 …
    private(set) var array: [LuaValue] = []
    private var rest: [LuaValue: LuaValue] = [:]
    /// Searched for missing keys: the `__index` of its metatable.
    var fallback: LuaTable?

    init(_ array: [LuaValue] = []) { self.array = array }

    var count: Int { array.count }

    subscript(key: LuaValue) -> LuaValue {
        get {
            if case .number(let number) = key, let index = Int(exactly: number), index >= 1,
                index <= array.count
            {
                return array[index - 1]
            }
            if let value = rest[key] { return value }
            return fallback?[key] ?? .none
        }
        set {
            guard case .number(let number) = key, let index = Int(exactly: number), index >= 1,
                index <= array.count + 1
            else {
                rest[key] = newValue == .none ? nil : newValue
                return
            }
            if index <= array.count {
                array[index - 1] = newValue
                while array.last == LuaValue.none { array.removeLast() }
            } else if newValue == .none {
                rest[key] = nil
            } else {
                rest[key] = nil
                array.append(newValue)
                while let next = rest.removeValue(forKey: .number(Double(array.count + 1))) {
                    array.append(next)
                }
            }
        }
    }

    subscript(name: String) -> LuaValue {
        get { self[.text(name)] }
        set { self[.text(name)] = newValue }
    }

    /// What `pairs` iterates over, as it is at the beginning.
    var pairs: [(LuaValue, LuaValue)] {
        array.enumerated().filter { $1 != .none }.map { (.number(Double($0 + 1)), $1) }
            + rest.map { ($0, $1) }
    }

    func insert(_ value: LuaValue, at index: Int) { array.insert(value, at: index) }

    static func == (one: LuaTable, other: LuaTable) -> Bool { one === other }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

final class LuaFunction: Hashable {
    let call: ([LuaValue]) throws -> [LuaValue]

    init(_ call: @escaping ([LuaValue]) throws -> [LuaValue]) { self.call = call }

    static func == (one: LuaFunction, other: LuaFunction) -> Bool { one === other }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// What a script raised, or what is wrong with it, as text for the reply.
struct LuaError: Error {
    let text: String

    init(reply text: String) { self.text = text }

    init(_ text: String, line: Int? = nil) {
        self.text = "ERR \(line.map { "user_script:\($0): " } ?? "")\(text)"
    }
}
