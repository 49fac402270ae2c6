/// Where a variable lives.
enum LuaVariable {
    /// In a slot of the running function.
    case local(Int)
    /// Among the variables the running function has captured.
    case captured(Int)
    case global(String)
}

indirect enum LuaExpression {
    enum Operator: String {
        case or, and
        case less = "<"
        case greater = ">"
        case lessOrEqual = "<="
        case greaterOrEqual = ">="
        case unequal = "~="
        case equal = "=="
        case concatenate = ".."
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
        case modulo = "%"
        case power = "^"

        /// How tightly it binds to the left and to the right.
        var binding: (left: Int, right: Int) {
            switch self {
            case .or: (1, 1)
            case .and: (2, 2)
            case .less, .greater, .lessOrEqual, .greaterOrEqual, .unequal, .equal: (3, 3)
            case .concatenate: (5, 4)
            case .add, .subtract: (6, 6)
            case .multiply, .divide, .modulo: (7, 7)
            case .power: (10, 9)
            }
        }
    }

    static let unaryBinding = 8

    case constant(LuaValue)
    case variable(LuaVariable)
    case varargs
    case index(LuaExpression, LuaExpression)
    case call(LuaExpression, [LuaExpression], line: Int)
    case function(LuaPrototype)
    /// Values by position, and values by key.
    case table([LuaExpression], [(LuaExpression, LuaExpression)])
    case binary(Operator, LuaExpression, LuaExpression, line: Int)
    case not(LuaExpression)
    case minus(LuaExpression, line: Int)
    case length(LuaExpression, line: Int)
    /// In brackets: one value of a call that has several.
    case single(LuaExpression)

    var hasManyValues: Bool {
        switch self {
        case .call, .varargs: true
        default: false
        }
    }
}

enum LuaStatement {
    case local([Int], [LuaExpression])
    /// A function that can call itself.
    case localFunction(Int, LuaPrototype)
    case assign([LuaExpression], [LuaExpression], line: Int)
    case call(LuaExpression)
    case condition([(LuaExpression, [LuaStatement])], otherwise: [LuaStatement])
    case loopWhile(LuaExpression, [LuaStatement])
    case loopCount(Int, LuaExpression, LuaExpression, LuaExpression?, [LuaStatement], line: Int)
    case loopEach([Int], [LuaExpression], [LuaStatement], line: Int)
    case block([LuaStatement])
    case giveBack([LuaExpression])
    case leaveLoop
}

/// A function as it was written.
final class LuaPrototype {
    enum Capture {
        case local(Int)
        case captured(Int)
    }

    var parameters: [Int] = []
    var takesMore = false
    var body: [LuaStatement] = []
    var slots = 0
    /// Where each captured variable is in the enclosing function.
    var captures: [Capture] = []
}
