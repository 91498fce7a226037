package config

import "path/filepath"

// LoadClient is Load for a program that talks to a node and keeps nothing of its own:
// of where things are it learns the data directory, the chain's folder and the cookie
// file. It is not in the way of a node that would refuse the files.
func (s *Settings) LoadClient(home string) (*Layout, error) {
	base, err := s.dataDir(home)
	if err != nil {
		return nil, Complain("Specified data directory \"%s\" does not exist.", s.Text("datadir", ""))
	}
	if err := s.readFiles(base); err != nil {
		return nil, Complain("Error reading configuration file: %v", err)
	}
	if base, err = s.dataDir(home); err != nil {
		return nil, Complain("Error reading configuration file: specified data directory \"%s\" does not exist.", s.Text("datadir", ""))
	}
	chain, err := s.chainName()
	if err != nil {
		return nil, err
	}
	s.chain = chain.Name
	l := &Layout{Chain: chain, Base: base, Net: filepath.Join(base, chain.Folder)}
	l.Cookie = s.inNet(l, "rpccookiefile", cookieName)
	return l, nil
}

// ConfigPath is the configuration file's path, whether there is such a file or not.
func (s *Settings) ConfigPath(l *Layout) string {
	if s.conf != "" {
		return s.conf
	}
	path := s.Text("conf", fileName)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.Base, path)
}
