import {
  to = google_compute_global_address.shop_edge
  id = "projects/shop-rehearsal/global/addresses/shop-edge"
}

import {
  to = google_dns_record_set.wildcard_shop_example_com_a
  id = "projects/shop-rehearsal/managedZones/shop-example/rrsets/*.shop.example.com./A"
}

import {
  to = google_dns_record_set.shop_example_com_a
  id = "projects/shop-rehearsal/managedZones/shop-example/rrsets/shop.example.com./A"
}

import {
  to = google_certificate_manager_certificate.shop
  id = "projects/shop-rehearsal/locations/global/certificates/shop"
}

import {
  to = google_certificate_manager_certificate_map.shop
  id = "projects/shop-rehearsal/locations/global/certificateMaps/shop"
}

import {
  to = google_certificate_manager_certificate_map_entry.primary
  id = "projects/shop-rehearsal/locations/global/certificateMaps/shop/certificateMapEntries/primary"
}

import {
  to = google_certificate_manager_certificate_map_entry.shop_example_com
  id = "projects/shop-rehearsal/locations/global/certificateMaps/shop/certificateMapEntries/shop-example-com"
}

import {
  to = google_certificate_manager_certificate_map_entry.wildcard_shop_example_com
  id = "projects/shop-rehearsal/locations/global/certificateMaps/shop/certificateMapEntries/wildcard-shop-example-com"
}

import {
  to = google_certificate_manager_dns_authorization.shop_example_com
  id = "projects/shop-rehearsal/locations/global/dnsAuthorizations/shop-example-com"
}

import {
  to = google_dns_record_set.acme_challenge_shop_example_com_cname
  id = "projects/shop-rehearsal/managedZones/shop-example/rrsets/_acme-challenge_abcdefghijklmnop.shop.example.com./CNAME"
}

import {
  to = google_compute_backend_service.shop_api
  id = "projects/shop-rehearsal/global/backendServices/shop-api"
}

import {
  to = google_compute_backend_service.shop_mqtt
  id = "projects/shop-rehearsal/global/backendServices/shop-mqtt"
}

import {
  to = google_compute_backend_service.shop_postgres
  id = "projects/shop-rehearsal/global/backendServices/shop-postgres"
}

import {
  to = google_compute_backend_service.shop_web
  id = "projects/shop-rehearsal/global/backendServices/shop-web"
}

import {
  to = google_compute_global_forwarding_rule.shop_postgres
  id = "projects/shop-rehearsal/global/forwardingRules/shop-postgres"
}

import {
  to = google_compute_global_forwarding_rule.shop_web_redirect
  id = "projects/shop-rehearsal/global/forwardingRules/shop-web-redirect"
}

import {
  to = google_compute_health_check.shop_api_http
  id = "projects/shop-rehearsal/global/healthChecks/shop-api-http"
}

import {
  to = google_compute_health_check.shop_mqtt_tcp
  id = "projects/shop-rehearsal/global/healthChecks/shop-mqtt-tcp"
}

import {
  to = google_compute_health_check.shop_postgres_tcp
  id = "projects/shop-rehearsal/global/healthChecks/shop-postgres-tcp"
}

import {
  to = google_compute_health_check.shop_web_https
  id = "projects/shop-rehearsal/global/healthChecks/shop-web-https"
}

import {
  to = google_compute_ssl_policy.shop_web
  id = "projects/shop-rehearsal/global/sslPolicies/shop-web"
}

import {
  to = google_compute_target_http_proxy.shop_web_redirect
  id = "projects/shop-rehearsal/global/targetHttpProxies/shop-web-redirect"
}

import {
  to = google_compute_target_tcp_proxy.shop_postgres
  id = "projects/shop-rehearsal/global/targetTcpProxies/shop-postgres"
}

import {
  to = google_compute_url_map.shop
  id = "projects/shop-rehearsal/global/urlMaps/shop"
}

import {
  to = google_compute_url_map.shop_web_redirect
  id = "projects/shop-rehearsal/global/urlMaps/shop-web-redirect"
}

import {
  to = google_compute_global_forwarding_rule.shop_mqtt
  id = "projects/shop-rehearsal/global/forwardingRules/shop-mqtt"
}

import {
  to = google_compute_global_forwarding_rule.shop_web
  id = "projects/shop-rehearsal/global/forwardingRules/shop-web"
}

import {
  to = google_compute_target_https_proxy.shop_web
  id = "projects/shop-rehearsal/global/targetHttpsProxies/shop-web"
}

import {
  to = google_compute_target_ssl_proxy.shop_mqtt
  id = "projects/shop-rehearsal/global/targetSslProxies/shop-mqtt"
}

import {
  to = google_compute_firewall.shop_allow_lb_blue
  id = "projects/shop-rehearsal/global/firewalls/shop-allow-lb-blue"
}

import {
  to = google_compute_firewall.shop_allow_lb_green
  id = "projects/shop-rehearsal/global/firewalls/shop-allow-lb-green"
}
