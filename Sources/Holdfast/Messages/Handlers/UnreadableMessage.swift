/// Why a message could not be read, in words for the dead letters.
struct UnreadableMessage: Error, CustomStringConvertible {
    let description: String

    init(type: Any.Type, isEmpty: Bool, error: any Error) {
        let why =
            switch error {
            case _ where isEmpty: "it has none"
            case let error as DecodingError: Self.text(error)
            default: "\(error)"
            }
        description = "its body cannot be read as \(type): \(why)"
    }

    private static func text(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context): "\(place(context))the key \(key.stringValue) is missing"
        case .typeMismatch(let type, let context): "\(place(context))not a value of \(type)"
        case .valueNotFound(let type, let context): "\(place(context))no value of \(type)"
        case .dataCorrupted(let context): place(context) + context.debugDescription
        @unknown default: "\(error)"
        }
    }

    private static func place(_ context: DecodingError.Context) -> String {
        guard !context.codingPath.isEmpty else { return "" }
        return "at "
            + context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
            .joined(separator: ".") + ": "
    }
}
