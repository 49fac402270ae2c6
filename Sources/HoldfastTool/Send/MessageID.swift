internal import Foundation
internal import JSONLines
internal import RedisLink

/// Where the ids of sent messages come from.
enum MessageID {
    /// The value of this field: a line sent twice is one message.
    case field(String)
    /// New for each line: a line sent twice is two messages.
    case random

    func id(of line: JSONLine) throws(InputError) -> String {
        switch self {
        case .random:
            return UUID().uuidString.lowercased()
        case .field(let field):
            guard let id = line.value[field]?.name else {
                throw InputError(
                    line: line.number, field: field, is: line.value[field], expected: "text or whole number")
            }
            guard (1...512).contains(id.utf8.count) else {
                throw InputError(
                    line: line.number,
                    reason: "the id in the field \(TerminalText.quoted(field)) must have 1 to 512 bytes, not "
                        + "\(id.utf8.count)")
            }
            return id
        }
    }
}
