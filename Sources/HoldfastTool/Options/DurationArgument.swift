internal import ArgumentParser

/// A duration on the command line.
struct DurationArgument: ExpressibleByArgument, Hashable {
    var duration: Duration

    init(_ duration: Duration) {
        self.duration = duration
    }

    init?(argument: String) {
        guard let duration = DurationText.parse(argument) else { return nil }
        self.duration = duration
    }

    var defaultValueDescription: String { DurationText.exact(duration) }
}

/// How long to wait: a duration, or forever.
enum WaitArgument: ExpressibleByArgument, Hashable {
    case atMost(Duration)
    case forever

    init?(argument: String) {
        if argument == "forever" {
            self = .forever
        } else if let duration = DurationText.parse(argument) {
            self = .atMost(duration)
        } else {
            return nil
        }
    }

    var limit: Duration? {
        guard case .atMost(let duration) = self else { return nil }
        return duration
    }
}
