package ship

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/p2pworker/asmap"
)

// maxASMap bounds the file of -asmap: the whole routing table is about two megabytes.
const maxASMap = 16 << 20

// readASMap reads -asmap.
func (p *partSettings) readASMap() error {
	s := p.settings
	if !s.Has("asmap") || s.Negated("asmap") {
		return nil
	}
	if s.Bool("asmap", false) {
		return config.Complain("Embedded asmap data not available")
	}
	path := s.Text("asmap", "")
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.layout.Net, path)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return config.Complain("Could not find asmap file \"%s\"", path)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	p.asmapFile = path
	if p.asmap, err = io.ReadAll(io.LimitReader(f, maxASMap+1)); err != nil {
		return err
	}
	if _, err := asmap.New(p.asmap); err != nil || len(p.asmap) > maxASMap {
		return config.Complain("Could not parse asmap file \"%s\"", path)
	}
	return nil
}
