internal import Foundation

/// What the operators do.
enum LuaOperation {
    static func apply(
        _ kind: LuaExpression.Operator, _ left: LuaValue, _ right: LuaValue, _ line: Int
    ) throws(LuaError) -> LuaValue {
        switch kind {
        case .equal: return .boolean(left == right)
        case .unequal: return .boolean(left != right)
        case .less: return .boolean(try isLess(left, right, line))
        case .greater: return .boolean(try isLess(right, left, line))
        case .lessOrEqual: return .boolean(try !isLess(right, left, line))
        case .greaterOrEqual: return .boolean(try !isLess(left, right, line))
        case .concatenate:
            guard let first = left.asBytes, let second = right.asBytes else {
                throw LuaError(
                    "attempt to concatenate a \(left.typeName) and a \(right.typeName)", line: line)
            }
            return .string(first + second)
        case .and, .or:
            preconditionFailure("the interpreter decides whether to evaluate the right side at all")
        case .add: return .number(try number(left, line) + number(right, line))
        case .subtract: return .number(try number(left, line) - number(right, line))
        case .multiply: return .number(try number(left, line) * number(right, line))
        case .divide: return .number(try number(left, line) / number(right, line))
        case .modulo:
            let (a, b) = (try number(left, line), try number(right, line))
            return .number(a - (a / b).rounded(.down) * b)
        case .power: return .number(pow(try number(left, line), try number(right, line)))
        }
    }

    static func number(_ value: LuaValue, _ line: Int) throws(LuaError) -> Double {
        guard let number = value.asNumber else {
            throw LuaError("attempt to perform arithmetic on a \(value.typeName) value", line: line)
        }
        return number
    }

    static func length(_ value: LuaValue, _ line: Int) throws(LuaError) -> LuaValue {
        switch value {
        case .string(let bytes): .number(Double(bytes.count))
        case .table(let table): .number(Double(table.count))
        default: throw LuaError("attempt to get length of a \(value.typeName) value", line: line)
        }
    }

    private static func isLess(_ left: LuaValue, _ right: LuaValue, _ line: Int) throws(LuaError) -> Bool {
        switch (left, right) {
        case (.number(let left), .number(let right)): left < right
        case (.string(let left), .string(let right)): left.lexicographicallyPrecedes(right)
        default:
            throw LuaError("attempt to compare \(left.typeName) with \(right.typeName)", line: line)
        }
    }
}
