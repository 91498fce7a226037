package ship

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

// settingsFile is where settings that change at run time are kept.
func settingsFile(l *config.Layout) string { return filepath.Join(l.Net, "settings.json") }

// checkSettingsFile refuses to start over a damaged file: what it said, such
// as which wallets to load, would be ignored.
func checkSettingsFile(path string) error {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return config.Complain("Settings file could not be read: %v", err)
	}
	var settings map[string]json.RawMessage
	if err := json.Unmarshal(raw, &settings); err != nil {
		return config.Complain("Settings file could not be read: %s is not a JSON object (%v). Without the file the node starts with its default settings.", path, err)
	}
	return nil
}
