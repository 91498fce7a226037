package ship

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/logging"
)

// logConfig reads what is to be logged, and how.
func logConfig(s *config.Settings) (*logging.Live, error) {
	cfg := logging.Config{
		Micros:    s.Bool("logtimemicros", false),
		RateLimit: s.Bool("logratelimit", true),
		NoTime:    !s.Bool("logtimestamps", true),
		Source:    s.Bool("logsourcelocations", false),
		Console:   s.Bool("printtoconsole", false),
	}
	var err error
	if cfg.Categories, err = categoryList(s, "debug"); err != nil {
		return nil, err
	}
	if cfg.Excluded, err = categoryList(s, "debugexclude"); err != nil {
		return nil, err
	}
	for _, level := range s.List("loglevel") {
		if err := readLevel(&cfg, level); err != nil {
			return nil, err
		}
	}
	if s.Bool("logthreadnames", false) {
		cfg.Thread = supervisorInstance
	}
	return logging.NewLive(cfg), nil
}

// categoryList reads -debug and -debugexclude: an empty value, 1 and all mean
// every category; 0 and none take back what was said before.
func categoryList(s *config.Settings, name string) ([]string, error) {
	var list []string
	given := s.List(name)
	for i := len(given) - 1; i >= 0; i-- {
		if given[i] == "0" || given[i] == "none" {
			given = given[i+1:]
			break
		}
	}
	for _, category := range given {
		switch {
		case category == "" || category == "1" || category == "all":
			list = append(list, "all")
		case slices.Contains(logging.Categories(), category):
			list = append(list, category)
		case category == logging.Gone: // introduce tells
		default:
			return nil, config.Complain("Unsupported logging category -%s=%s.", name, category)
		}
	}
	return list, nil
}

// goneTeller tells who names a category that has no lines any more.
type goneTeller struct {
	*logging.Live
	log *slog.Logger
}

// Change is that of Live.
func (g goneTeller) Change(include, exclude []string) (unknown string, ok bool) {
	noteGone(g.log, include, exclude)
	return g.Live.Change(include, exclude)
}

func noteGone(log *slog.Logger, lists ...[]string) {
	if slices.Contains(slices.Concat(lists...), logging.Gone) {
		log.Warn(fmt.Sprintf("The logging category `%s` is deprecated, does nothing, and will be removed", logging.Gone))
	}
}

// readLevel reads LEVEL or CATEGORY:LEVEL.
func readLevel(cfg *logging.Config, text string) error {
	category, level, specific := strings.Cut(text, ":")
	known := func(level string) bool { return slices.Contains([]string{"info", "debug", "trace"}, level) }
	switch {
	case !specific && !known(text):
		return config.Complain("Unsupported global logging level -loglevel=%s. Valid values: info, debug, trace.", text)
	case !specific:
		cfg.Trace = text == "trace"
	case !known(level) || !slices.Contains(logging.Categories(), category):
		return config.Complain("Unsupported category-specific logging level -loglevel=%s. Expected -loglevel=<category>:<level>; valid levels: info, debug, trace.", text)
	case level == "trace":
		cfg.TraceCategories = append(cfg.TraceCategories, category)
	}
	return nil
}

// reopenLogs makes every process open debug.log anew at SIGHUP, until ctx ends.
func (s *ship) reopenLogs(ctx context.Context) {
	for onHangup(ctx, s.cfg.Hangups, s.logFile, s.logger) {
		s.supervisor.ReopenLog()
	}
}

// onHangup opens a log file anew at the next SIGHUP. It reports false if ctx
// has ended instead.
func onHangup(ctx context.Context, hangups <-chan os.Signal, f *os.File, log *slog.Logger) bool {
	select {
	case <-hangups:
	case <-ctx.Done():
		return false
	}
	if err := logging.Reopen(f, f.Name()); err != nil {
		log.Warn(fmt.Sprintf("%s goes on where it was: %v", f.Name(), err))
	}
	return true
}
