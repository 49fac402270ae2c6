internal import Foundation
internal import Holdfast
internal import JSONLines
internal import Processes
internal import RedisLink

/// Errors in words for people.
enum ErrorText {
    /// Safe for a terminal. Line ends are kept only in texts that cannot contain a name somebody chose.
    static func text(of error: any Error) -> String {
        let text = words(for: error)
        switch error {
        case is InputError:
            return text
        case is HoldfastError, is SystemError, is CocoaError:
            return TerminalText.escaped(text)
        default:
            return text.split(separator: "\n").map { TerminalText.escaped(String($0)) }
                .joined(separator: "\n    ")
        }
    }

    private static func words(for error: any Error) -> String {
        guard let error = error as? CocoaError else { return "\(error)" }
        return [error.filePath ?? error.url?.path, reason(for: error)].compactMap(\.self)
            .joined(separator: ": ")
    }

    /// The system's words for why it did not do something.
    static func reason(for error: any Error) -> String {
        SystemError.reason(for: error) { $0.localizedDescription }
    }
}
